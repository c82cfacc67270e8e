"""Instructor: objects by tools, by strict schema and by Responses; partial objects.

Its modes that only ask in prose for JSON need a model that follows prose; a simulator does not.
"""

import instructor
import scene
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=scene.BASE_URL, api_key=scene.API_KEY, max_retries=0)
asked = [{"role": "user", "content": scene.OBJECT}]
MODES = ("TOOLS", "TOOLS_STRICT", "JSON_SCHEMA", "RESPONSES_TOOLS")


class Pair(BaseModel):
    name: str
    number: int


for name in MODES:
    patched = instructor.from_openai(client, mode=instructor.Mode[name])
    found = patched.chat.completions.create(
        model=scene.MODEL, messages=asked, response_model=Pair, max_retries=0
    )
    assert isinstance(found, Pair), name

partials = list(
    instructor.from_openai(client).chat.completions.create_partial(
        model=scene.MODEL, messages=asked, response_model=Pair
    )
)
assert partials[-1].name is not None
assert partials[-1].number is not None
