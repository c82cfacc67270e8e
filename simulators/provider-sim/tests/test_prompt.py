"""The neutral request."""

import pytest

from provider_sim.prompt import Tool, ToolChoice


@pytest.mark.parametrize("name", ["read", "files.read", "files__read"])
def test_a_namespaced_tool_answers_to_its_full_and_its_bare_name(name: str) -> None:
    assert Tool("read", namespace="files").answers_to(name)
    assert not Tool("read", namespace="files").answers_to("mail.read")


def test_a_plain_tool_answers_to_its_own_name_only() -> None:
    assert Tool("read").answers_to("read")
    assert not Tool("read").answers_to("files.read")


def test_a_choice_that_names_no_tools_permits_all() -> None:
    assert ToolChoice().permits(Tool("read"))
    assert ToolChoice(allowed=("read",)).permits(Tool("read"))
    assert not ToolChoice(allowed=("write",)).permits(Tool("read"))
