"""LangChain: invoke, stream, batch, agents, structured output and vectors, by both doors."""

import scene
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
from scene import called_once, same

settings = {
    "model": scene.MODEL,
    "base_url": scene.BASE_URL,
    "api_key": scene.API_KEY,
    "max_retries": 0,
}


class Pair(BaseModel):
    name: str
    number: int


for use_responses_api in (False, True):
    model = ChatOpenAI(use_responses_api=use_responses_api, **settings)
    answer = model.invoke(scene.SAY)
    same(answer.text, scene.SAID)
    assert answer.usage_metadata["total_tokens"] > 0
    same("".join(chunk.text for chunk in model.stream(scene.SAY)), scene.SAID)
    same([one.text for one in model.batch([scene.SAY, scene.SAY])], [scene.SAID, scene.SAID])

    agent = create_agent(model, [scene.get_weather])
    ended = agent.invoke({"messages": [("user", scene.CALL_WEATHER)]})
    same(ended["messages"][-1].text, scene.DONE)
    called_once()

    observer = create_agent(model, [scene.get_weather, scene.get_time])
    observed = observer.invoke({"messages": [("user", scene.NEEDS_BOTH)]})
    scene.called_both(observed["messages"][-1].text)

    for method in ("json_schema", "function_calling"):
        typed = model.with_structured_output(Pair, method=method)
        assert isinstance(typed.invoke(scene.OBJECT), Pair)

stateful = ChatOpenAI(use_responses_api=True, use_previous_response_id=True, **settings)
first = stateful.invoke(scene.FACT)
second = stateful.invoke([("user", scene.FACT), first, ("user", scene.QUESTION)])
assert "7-blue-7" in second.text

sealed = ChatOpenAI(
    use_responses_api=True,
    store=False,
    reasoning={"effort": "low", "summary": "auto"},
    include=["reasoning.encrypted_content"],
    **settings,
)
replaying = create_agent(sealed, [scene.get_weather, scene.get_time])
observed = replaying.invoke({"messages": [("user", scene.NEEDS_BOTH)]})
scene.called_both(observed["messages"][-1].text)

# Texts, not token ids: the ids would be those of another model's tokenizer.
vectors = OpenAIEmbeddings(
    model="sim-embed",
    base_url=scene.BASE_URL,
    api_key=scene.API_KEY,
    check_embedding_ctx_length=False,
)
same(len(vectors.embed_documents(["a", "b"])), 2)
