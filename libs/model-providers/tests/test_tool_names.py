"""Flat names of namespaced tools, and the way back."""

from model_providers.tool_names import ToolName, flat_names, unflatten
from wire.conversation import CustomTool, FunctionTool


def test_a_namespaced_tool_is_found_by_its_flat_name() -> None:
    names = flat_names([FunctionTool("read", namespace="files"), CustomTool("patch")])

    assert names == {"files__read": ToolName("read", "files")}
    assert unflatten("files__read", names) == ToolName("read", "files")


def test_other_names_pass_unchanged() -> None:
    names = flat_names([FunctionTool("files__read")])

    assert unflatten("files__read", names) == ToolName("files__read")
    assert ToolName("read").flat == "read"
