import io
import threading

from conclave_cli.console import Console


class StandingStill(io.StringIO):
    """A terminal after Ctrl-S: the first write waits until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        assert self.go_on.wait(5)
        return super().write(text)


class Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_each_line_says_who_wrote_it():
    stream = io.StringIO()

    with Console(stream, colour=False, names=("conclave", "gateway")) as console:
        console.say("first\nsecond")
        console.line("gateway", "hello")
        console.plain("as it is")

    assert stream.getvalue() == (
        "conclave | first\nconclave | second\ngateway  | hello\nas it is\n"
    )


def test_colour_marks_the_name_and_not_the_text():
    stream = io.StringIO()

    with Console(stream, colour=True, names=("conclave", "gateway")) as console:
        console.line("gateway", "hello")

    assert stream.getvalue() == "\x1b[33mgateway  |\x1b[0m hello\n"


def test_a_terminal_that_stands_still_stops_nobody_and_drops_are_counted():
    stream = StandingStill()

    with Console(stream, colour=False) as console:
        console.plain("first")
        assert stream.entered.wait(5)
        for number in range(12_000):
            console.plain(str(number))
        stream.go_on.set()

    text = stream.getvalue()
    assert text.startswith("first\n")
    assert "(2000 lines dropped: the terminal was not reading)" in text


def test_a_closed_pipe_is_survived():
    with Console(Broken(), colour=False) as console:
        console.plain("into the void")
        console.plain("again")
