"""The table of operations names what there is."""

from __future__ import annotations

from itertools import chain

import pytest

from api_gateway.routes.openapi_operations import OPERATIONS
from api_gateway.routes.openapi_schemas import component_schemas


@pytest.mark.requirement("surface:openapi")
def test_schemas_that_are_named_exist() -> None:
    named = chain.from_iterable(
        (each.takes, each.answers, each.streams) for each in OPERATIONS.values()
    )

    assert set(filter(None, named)) <= set(component_schemas())


def test_every_operation_says_what_it_is_for() -> None:
    assert all(each.summary and each.tag for each in OPERATIONS.values())
    summaries = [each.summary for each in OPERATIONS.values()]
    assert len(set(summaries)) == len(summaries)
