"""Ids: unlike each other where they should be, alike where they must be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import ids

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: list[tuple[Callable[[], str], str]] = [
    (ids.new_request_id, "req_"),
    (ids.new_run_id, "run_"),
    (ids.new_call_id, "ccall_"),
    (ids.new_chat_completion_id, "chatcmpl-"),
    (ids.new_tool_call_id, "call_"),
]


@pytest.mark.parametrize(("make", "prefix"), MAKERS)
def test_an_id_is_its_prefix_and_24_hex_digits(make: Callable[[], str], prefix: str) -> None:
    assert re.fullmatch(re.escape(prefix) + "[0-9a-f]{24}", make())


@pytest.mark.parametrize(("make", "prefix"), MAKERS)
def test_ids_do_not_repeat(make: Callable[[], str], prefix: str) -> None:
    made = {make() for _ in range(2000)}

    assert len(made) == 2000, prefix


def test_a_tool_call_id_fits_openais_limit() -> None:
    assert len(ids.new_tool_call_id()) <= 64


@pytest.mark.requirement("wire:ids:derived")
@given(st.text(max_size=40), st.integers(0, 500))
def test_a_derived_id_is_always_the_same(owner: str, index: int) -> None:
    assert ids.derived_id("msg_", owner, index) == ids.derived_id("msg_", owner, index)


@pytest.mark.requirement("wire:ids:derived")
def test_derived_ids_differ_by_owner_and_by_index() -> None:
    derived = {
        ids.derived_id("msg_", owner, index)
        for owner in ("resp_1", "resp_11")
        for index in range(50)
    }

    assert len(derived) == 100


def test_the_upstream_request_id_joins_call_and_attempt() -> None:
    assert ids.upstream_request_id(ids.CallId("ccall_a"), 2) == "ccall_a.2"
