"""openai-agents, both doors: tool loops, streamed and parallel, handoffs, sessions, types."""

import asyncio

import scene
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
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
    await kept_here(client)


async def kept_here(client: AsyncOpenAI) -> None:
    """What was said is kept by the server: as a conversation, or by the response before."""
    tools = [function_tool(scene.get_weather), function_tool(scene.get_time)]
    model = OpenAIResponsesModel(model=scene.MODEL, openai_client=client)
    agent = Agent(name="observer", instructions="Be literal.", model=model, tools=tools)
    session = OpenAIConversationsSession(openai_client=client)
    await Runner.run(agent, scene.FACT, session=session)
    observed = await Runner.run(agent, scene.NEEDS_BOTH, session=session)
    scene.called_both(observed.final_output)
    remembered = await Runner.run(agent, scene.QUESTION, session=session)
    assert "7-blue-7" in remembered.final_output
    chained = await Runner.run(agent, scene.NEEDS_BOTH, auto_previous_response_id=True)
    scene.called_both(chained.final_output)


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

    both = [tool, function_tool(scene.get_time)]
    observer = Agent(name="observer", instructions="Be literal.", model=model, tools=both)
    scene.called_both((await Runner.run(observer, scene.NEEDS_BOTH)).final_output)
    settings = ModelSettings(store=False, parallel_tool_calls=False, truncation="auto")
    careful = observer.clone(model_settings=settings)
    scene.called_both((await Runner.run(careful, scene.NEEDS_BOTH)).final_output)

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
