"""What each program in this folder is told by its environment. Runs in the client's own venv."""

import os

BASE_URL = os.environ["CONCLAVE_BASE_URL"]
API_KEY = os.environ["CONCLAVE_API_KEY"]
MODEL = os.environ["MODEL"]
SAID = os.environ["SAID"]
SAY = os.environ["SAY"]
DONE = os.environ["DONE"]
CALL_WEATHER = os.environ["CALL_WEATHER"]
FACT = "The value of HARBOUR is 7-blue-7. " + SAY
QUESTION = "What is the value of HARBOUR? Answer only from this conversation."
NEEDS_BOTH = "What's the weather and the time in Rome?"
OBJECT = "Give a name and a number."
FUNCTION = {
    "name": "get_weather",
    "description": "Weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
cities: list[str] = []


def get_weather(city: str) -> str:
    """Weather for a city."""
    cities.append(city)
    return "18C"


def get_time(city: str) -> str:
    """Time in a city."""
    cities.append(city)
    return "noon"


def same(found: object, wanted: object) -> None:
    """Fail with both values; assert alone would not show them."""
    if found != wanted:
        raise AssertionError(f"wanted {wanted!r}, found {found!r}")


def called_once() -> None:
    """The tool ran once, for the city that was asked for."""
    same(cities, ["Paris"])
    cities.clear()


def called_both(answer: str) -> None:
    """Both tools ran, for the city of `NEEDS_BOTH`, and the answer holds what they said."""
    same(cities, ["Rome", "Rome"])
    cities.clear()
    assert "18C" in answer, answer
    assert "noon" in answer, answer
