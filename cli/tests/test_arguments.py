import pytest

from conclave_cli.arguments import parser


@pytest.mark.parametrize(
    "command",
    ["", "run", "config", "config check", "status", "models", "chat", "runs", "runs show"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        parser().parse_args([*command.split(), "--help"])

    assert left.value.code == 0
    assert "usage: conclave" in capsys.readouterr().out


@pytest.mark.requirement("cli:exit-codes")
def test_help_lists_what_exit_statuses_mean(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])

    text = capsys.readouterr().out
    assert "exit status:" in text
    assert "  3    a port that `conclave run` needs is taken" in text


def test_a_wrong_command_line_exits_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        parser().parse_args(["fly"])

    assert left.value.code == 2
    assert "fly" in capsys.readouterr().err


def test_chat_streams_unless_told_otherwise():
    parsed = parser().parse_args(["chat", "hi"])

    assert (parsed.model, parsed.stream, parsed.quiet) == ("council", True, False)
    assert not parser().parse_args(["chat", "hi", "--no-stream"]).stream
