"""A client that only prints what it was asked must not pass for one that got an answer."""

from tests.clients.errands import DONE, SAID, SAY, answered, call


def test_the_echo_of_an_errand_is_no_answer():
    errand = call("shell", command="true")

    assert not answered(f"user\n{SAY}\n", SAID)
    assert not answered(errand.replace(" ", "\n"), DONE)
    assert answered(f"{errand}\nassistant\n{DONE}\n", DONE)
