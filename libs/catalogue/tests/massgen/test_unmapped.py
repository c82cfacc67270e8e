import pytest

from catalogue.massgen.unmapped import why_unmapped


@pytest.mark.requirement("catalogue:massgen:reported")
@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("mcp_servers", "is not run"),
        ("command_line_docker_image", "is not run"),
        ("cwd", "is not run"),
        ("enable_web_search", "is not run"),
        ("api_key", "is not read"),
        ("command_line_docker_credentials", "is not read"),
        ("ui", "concerns MassGen's own screen"),
        ("debug_final_answer", "is for debugging MassGen"),
        ("reasoning_format", "has no counterpart"),
    ],
)
def test_each_kind_of_key_has_its_own_reason(key: str, message: str) -> None:
    said, fix = why_unmapped(key)

    assert said.startswith(message)
    assert fix
