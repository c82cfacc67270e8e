"""LiteLLM as a library: chat, streams, tools, Responses, vectors, completions, typed errors."""

import litellm
import scene
from scene import same

MODEL = f"openai/{scene.MODEL}"
door = {"api_base": scene.BASE_URL, "api_key": scene.API_KEY, "num_retries": 0}
asked = [{"role": "user", "content": scene.SAY}]
tools = [{"type": "function", "function": scene.FUNCTION}]

same(litellm.completion(model=MODEL, messages=asked, **door).choices[0].message.content, scene.SAID)
chunks = list(litellm.completion(model=MODEL, messages=asked, stream=True, **door))
same(litellm.stream_chunk_builder(chunks).choices[0].message.content, scene.SAID)

messages = [{"role": "user", "content": scene.CALL_WEATHER}]
chunks = list(litellm.completion(model=MODEL, messages=messages, tools=tools, stream=True, **door))
message = litellm.stream_chunk_builder(chunks).choices[0].message
same([call.function.name for call in message.tool_calls], ["get_weather"])
result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18C"}
answer = litellm.completion(model=MODEL, messages=[*messages, message, result], tools=tools, **door)
same(answer.choices[0].message.content, scene.DONE)

response = litellm.responses(model=MODEL, input=scene.SAY, **door)
same(response.output[-1].content[0].text, scene.SAID)
events = list(litellm.responses(model=MODEL, input=scene.SAY, stream=True, **door))
same(str(events[-1].type.value), "response.completed")
vectors = litellm.embedding(model="openai/sim-embed", input=["a", "b"], **door)
same(len(vectors.data), 2)

try:
    litellm.completion(model="openai/no-such-model", messages=asked, **door)
except litellm.NotFoundError as error:
    same(error.status_code, 404)
else:
    raise AssertionError("an unknown model was answered")
