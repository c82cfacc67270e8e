import asyncio
from contextlib import aclosing

import msgspec

from orchestrator.driver.output import RunOutput
from wire.conversation import ChoiceFinished, TextDelta
from wire.coordination import RunEnded, RunEvent, RunStarted

END = RunEnded(status="completed")


async def read(output: RunOutput, after: int = 0) -> list[RunEvent]:
    async with asyncio.timeout(5), aclosing(output.follow(after)) as events:
        return [event async for event in events]


async def test_every_reader_gets_every_event_from_where_it_likes() -> None:
    output = RunOutput()
    output.push(RunStarted("r"))
    output.push(TextDelta("hello"))
    output.close(END)

    assert await read(output) == [RunStarted("r"), TextDelta("hello"), END]
    assert await read(output, after=2) == [END]
    assert await read(output, after=9) == []


async def test_readers_wait_for_what_is_still_to_come() -> None:
    output = RunOutput()
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read(output)) for _ in range(3)]
        for number in range(5):
            output.push(ChoiceFinished("stop", number))
            await asyncio.sleep(0)
        output.close(END)

    assert all(len(reader.result()) == 6 for reader in readers)
    assert output.readers == 0


async def test_text_that_nobody_has_read_is_merged_and_read_text_never_changes() -> None:
    output = RunOutput()
    output.push(TextDelta("a"))
    output.push(TextDelta("b"))
    async with aclosing(output.follow()) as events:
        first = await anext(events)
        output.push(TextDelta("c"))
        output.push(TextDelta("d"))
        second = await anext(events)
    output.close(END)

    assert (first, second) == (TextDelta("ab"), TextDelta("cd"))
    assert await read(output) == [TextDelta("ab"), TextDelta("cd"), END]


async def test_log_probabilities_other_choices_and_long_texts_are_not_merged() -> None:
    output = RunOutput()
    output.push(TextDelta("a", logprobs=msgspec.Raw(b"[]")))
    output.push(TextDelta("b"))
    output.push(TextDelta("c", choice=1))
    output.push(TextDelta("x" * 3000, choice=1))
    output.append(TextDelta("y", choice=1))

    assert len(output.events) == 5


async def test_a_run_ends_once() -> None:
    output = RunOutput()
    output.close(END)
    output.close(RunEnded(status="failed"))

    assert await read(output) == [END]


async def test_what_is_stored_first_is_heard_only_once_it_is_stored() -> None:
    output = RunOutput(())
    async with aclosing(output.follow()) as events:
        output.push(TextDelta("a"))
        taken = output.take()
        output.push(TextDelta("b"))
        output.show(1)
        first = await anext(events)
        heard: list[RunEvent] = []

        async def hear() -> None:
            heard.append(await anext(events))

        async with asyncio.TaskGroup() as group:
            group.create_task(hear())
            await asyncio.sleep(0)
            before_it_was_stored = list(heard)
            output.take()
            output.show(2)

    assert taken == [first] == [TextDelta("a")]
    assert before_it_was_stored == []
    assert heard == [TextDelta("b")]


async def test_readers_of_a_run_that_goes_on_elsewhere_come_to_no_end() -> None:
    output = RunOutput([RunStarted("r")])
    output.push(TextDelta("never stored"))
    output.break_off()

    assert await read(output) == [RunStarted("r")]
    assert not output.complete
