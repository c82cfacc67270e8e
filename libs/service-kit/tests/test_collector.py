import gc
from collections.abc import Generator

import pytest

from service_kit import collector


@pytest.fixture(autouse=True)
def _restored() -> Generator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_not_looked_at_again() -> None:
    collector.settle()

    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == collector.THRESHOLDS
    assert gc.isenabled()
