"""Several observers as one."""

import pytest

from model_providers.calls import NOTHING_USED, CallClosed, CallOpened, Observers, never_waits
from model_providers.testing import RecordingObserver
from wire.ids import new_call_id

OPENED = CallOpened(
    call_id=new_call_id(),
    attempt=1,
    provider="vendor",
    model="sim",
    upstream_model="sim-1",
    agent_id=None,
    phase=None,
    reserved_output_tokens=None,
    opened_at_s=1.0,
)
CLOSED = CallClosed(
    opened=OPENED,
    status="completed",
    usage=NOTHING_USED,
    basis="estimated",
    first_token_at_s=None,
    closed_at_s=2.0,
    error=None,
)


class Refusing(RecordingObserver):
    async def opened(self, call: CallOpened, /) -> None:
        raise LookupError(call.call_id)

    async def closed(self, call: CallClosed, /) -> None:
        raise LookupError(call.opened.call_id)


async def test_each_observer_hears_everything() -> None:
    first, second = RecordingObserver(), RecordingObserver()
    both = Observers((first, second))

    await both.opened(OPENED)
    both.first_token(OPENED, 1.5)
    await both.closed(CLOSED)

    for observer in (first, second):
        assert observer.opened_calls == [OPENED]
        assert observer.first_tokens == [(OPENED, 1.5)]
        assert observer.closed_calls == [CLOSED]


async def test_a_refusal_to_open_closes_the_call_for_those_who_knew_of_it() -> None:
    first, last = RecordingObserver(), RecordingObserver()

    with pytest.raises(LookupError):
        await Observers((first, Refusing(), last)).opened(OPENED)

    assert [call.status for call in first.closed_calls] == ["cancelled"]
    assert first.open_calls == []
    assert last.opened_calls == []


async def test_one_observers_failure_does_not_keep_the_end_from_the_others() -> None:
    last = RecordingObserver()

    with pytest.raises(LookupError):
        await Observers((Refusing(), last)).closed(CLOSED)

    assert last.closed_calls == [CLOSED]


class Prompt(RecordingObserver):
    never_waits = True


def test_several_observers_never_wait_if_none_of_them_does() -> None:
    assert never_waits(Observers([Prompt(), Prompt()]))
    assert not never_waits(Observers([Prompt(), RecordingObserver()]))
