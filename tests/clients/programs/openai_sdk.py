"""The official SDK: chat, Responses, background, compaction, stored state, vectors, errors."""

import openai
from scene import API_KEY, BASE_URL, FACT, MODEL, QUESTION, SAID, SAY, same

client = openai.OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)
asked = [{"role": "user", "content": SAY}]

whole = client.chat.completions.create(model=MODEL, messages=asked)
same(whole.choices[0].message.content, SAID)
same(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens)
with client.chat.completions.stream(model=MODEL, messages=asked) as stream:
    same(stream.get_final_completion().choices[0].message.content, SAID)

first = client.responses.create(model=MODEL, input=FACT)
same(first.output_text, SAID)
second = client.responses.create(model=MODEL, input=QUESTION, previous_response_id=first.id)
assert "7-blue-7" in second.output_text
same(client.responses.retrieve(first.id).output_text, SAID)
with client.responses.stream(model=MODEL, input=SAY) as stream:
    same(stream.get_final_response().output_text, SAID)

events = list(client.responses.create(model=MODEL, input=SAY, background=True, stream=True))
same(events[-1].type, "response.completed")
replayed = client.responses.retrieve(events[0].response.id, stream=True, starting_after=0)
same([event.sequence_number for event in replayed], list(range(1, len(events))))
compacted = client.responses.compact(model=MODEL, input=FACT)
kept = [item.to_dict(mode="json", warnings=False) for item in compacted.output]
asked_again = client.responses.create(
    model=MODEL, input=[*kept, {"role": "user", "content": QUESTION}]
)
assert "7-blue-7" in asked_again.output_text

conversation = client.conversations.create()
client.responses.create(model=MODEL, input=FACT, conversation=conversation.id)
again = client.responses.create(model=MODEL, input=QUESTION, conversation=conversation.id)
assert "7-blue-7" in again.output_text

vectors = client.embeddings.create(model="sim-embed", input=["a", "b"])
same(len(vectors.data), 2)
completion = client.completions.create(model=MODEL, prompt=SAY, max_tokens=64)
assert SAID in completion.choices[0].text

try:
    client.chat.completions.create(model="no-such-model", messages=asked)
except openai.NotFoundError as error:
    refused = error
else:
    raise AssertionError("an unknown model was answered")
same(refused.code, "model_not_found")
assert refused.request_id
