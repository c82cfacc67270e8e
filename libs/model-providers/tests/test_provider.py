"""What a failed attempt may have cost."""

import pytest

from model_providers.provider import SendProgress


@pytest.mark.parametrize(
    ("sent", "refused", "expected"),
    [(False, False, False), (True, False, True), (True, True, False)],
)
def test_only_what_was_sent_and_not_refused_may_be_billed(
    *, sent: bool, refused: bool, expected: bool
) -> None:
    assert SendProgress(sent=sent, refused=refused).may_be_billed == expected
