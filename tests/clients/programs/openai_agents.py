"""openai-agents: tool loops, streamed too, handoffs, sessions and typed results, by both doors."""

import asyncio

import scene
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from pydantic import BaseModel
from scene import called_once, same

HANDOFF = (
    "Call the tool named `transfer_to_forecaster` exactly once with these arguments: {} . "
    "After the tool result, reply with exactly: HANDED-OVER"
)


class Pair(BaseModel):
    name: str
    number: int


async def main() -> None:
    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=scene.BASE_URL, api_key=scene.API_KEY, max_retries=0)
    for door in (OpenAIResponsesModel, OpenAIChatCompletionsModel):
        await by(door(model=scene.MODEL, openai_client=client))


async def by(model: OpenAIResponsesModel | OpenAIChatCompletionsModel) -> None:
    tool = function_tool(scene.get_weather)
    agent = Agent(name="forecaster", instructions="Be literal.", model=model, tools=[tool])
    same((await Runner.run(agent, scene.CALL_WEATHER)).final_output, scene.DONE)
    called_once()

    streamed = Runner.run_streamed(agent, scene.CALL_WEATHER)
    async for _ in streamed.stream_events():
        pass
    same(streamed.final_output, scene.DONE)
    called_once()

    session = SQLiteSession("harbour")
    await Runner.run(agent, scene.FACT, session=session)
    remembered = await Runner.run(agent, scene.QUESTION, session=session)
    assert "7-blue-7" in remembered.final_output

    triage = Agent(name="triage", instructions="Be literal.", model=model, handoffs=[agent])
    handed_over = await Runner.run(triage, HANDOFF)
    same((handed_over.last_agent.name, handed_over.final_output), ("forecaster", "HANDED-OVER"))

    typed = Agent(name="typed", instructions="Be literal.", model=model, output_type=Pair)
    assert isinstance((await Runner.run(typed, scene.OBJECT)).final_output, Pair)


asyncio.run(main())
