"""Pydantic AI: text, streams, tools, typed results, message history, by both doors."""

import asyncio

import scene
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from scene import called_once, same

provider = OpenAIProvider(base_url=scene.BASE_URL, api_key=scene.API_KEY)


class Pair(BaseModel):
    name: str
    number: int


async def by(model: OpenAIChatModel | OpenAIResponsesModel) -> None:
    agent = Agent(model, instructions="Be literal.")
    agent.tool_plain(scene.get_weather)
    said = await agent.run(scene.SAY)
    same(said.output, scene.SAID)
    same((await agent.run(scene.CALL_WEATHER)).output, scene.DONE)
    called_once()

    async with agent.run_stream(scene.SAY) as streamed:
        same("".join([text async for text in streamed.stream_text(delta=True)]), scene.SAID)

    for output in (Pair, NativeOutput(Pair)):
        typed = await Agent(model, output_type=output).run(scene.OBJECT)
        assert isinstance(typed.output, Pair)

    fact = await agent.run(scene.FACT)
    asked = await agent.run(scene.QUESTION, message_history=fact.all_messages())
    assert "7-blue-7" in asked.output


async def main() -> None:
    for door in (OpenAIChatModel, OpenAIResponsesModel):
        await by(door(scene.MODEL, provider=provider))


asyncio.run(main())
