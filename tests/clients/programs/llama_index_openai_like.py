"""LlamaIndex by two classes: chat, streams, agents and tools, objects, completions, vectors."""

import asyncio

import scene
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
from scene import called_once, same

door = {"api_base": scene.BASE_URL, "api_key": scene.API_KEY, "max_retries": 0}
model = OpenAILike(
    model=scene.MODEL,
    is_chat_model=True,
    is_function_calling_model=True,
    context_window=128000,
    **door,
)
asked = [ChatMessage(role="user", content=scene.SAY)]


class Pair(BaseModel):
    """A name and a number."""

    name: str
    number: int


async def tool_loop() -> str:
    agent = FunctionAgent(tools=[scene.get_weather], llm=model, system_prompt="Be literal.")
    return str(await agent.run(scene.CALL_WEATHER))


async def observed(llm: OpenAILike | OpenAIResponses) -> str:
    agent = FunctionAgent(tools=[scene.get_weather, scene.get_time], llm=llm)
    return str(await agent.run(scene.NEEDS_BOTH))


same(model.chat(asked).message.content, scene.SAID)
same("".join(part.delta or "" for part in model.stream_chat(asked)), scene.SAID)
same(asyncio.run(tool_loop()), scene.DONE)
called_once()
scene.called_both(asyncio.run(observed(model)))
for tracks in (False, True):  # with it, it continues a response and replays it as well
    responses = OpenAIResponses(
        model=scene.MODEL,
        context_window=128000,
        store=tracks,
        track_previous_responses=tracks,
        **door,
    )
    same(responses.chat(asked).message.content, scene.SAID)
    scene.called_both(asyncio.run(observed(responses)))
assert isinstance(model.as_structured_llm(Pair).complete(scene.OBJECT).raw, Pair)

legacy = OpenAILike(model=scene.MODEL, is_chat_model=False, **door)
same(legacy.complete(scene.SAY).text.strip(), scene.SAID)

vectors = OpenAILikeEmbedding(
    model_name="sim-embed", api_base=scene.BASE_URL, api_key=scene.API_KEY
)
same(len(vectors.get_text_embedding_batch(["a", "b"])), 2)
