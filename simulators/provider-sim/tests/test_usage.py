"""What a request costs."""

from provider_sim.prompt import Message, Prompt, Reply, ToolCall
from provider_sim.token_counter import count_tokens, pieces
from provider_sim.usage import Usage, measure, rendered, reply_tokens


def test_every_message_and_every_definition_counts() -> None:
    bare = Prompt("sim", (Message("user", "hello world"),))
    rich = Prompt("sim", (*bare.messages, Message("assistant", "ok")), extra_text='{"tools":1}')

    assert measure(rich, pieces(rendered(rich))).prompt_tokens > measure(
        bare, pieces(rendered(bare))
    ).prompt_tokens + count_tokens("ok")


def test_pictures_count_by_their_own_cost() -> None:
    prompt = Prompt("sim", (Message("user", "x", media_tokens=765),))
    without = Prompt("sim", (Message("user", "x"),))

    tokens = pieces(rendered(prompt))

    assert measure(prompt, tokens).prompt_tokens == measure(without, tokens).prompt_tokens + 765


def test_reasoning_and_calls_are_part_of_the_completion() -> None:
    reply = Reply(("a", "b"), ("think",), (ToolCall("c", "f", '{"a":1}'),))

    assert reply_tokens(reply) == 2 + 1 + count_tokens("f") + count_tokens('{"a":1}')
    assert Usage(10, completion_tokens=5).total_tokens == 15
