"""provider-sim as a process, and its control doors."""

import http.client
import json
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

_LISTENING = "listening, base URL "
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the vendor recorded it. Times are of the machine's monotonic clock."""

    sequence: int
    model: str
    dialect: str
    kind: str
    persona: str
    status: int
    outcome: str
    started_s: float
    first_byte_s: float | None
    ended_s: float | None
    prompt_tokens: int
    completion_tokens: int
    request_id: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Simulator:
    url: str

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def calls(self, after: int = 0) -> list[Call]:
        """What was recorded behind sequence number `after`, ended or not."""
        return [_call(line) for line in self._records(f"/_record?bodies=true&since={after}")]

    def ended_calls(self, after: int, timeout_s: float = 5) -> list[Call]:
        """The same, once nothing is active any more."""
        self._ask("GET", f"/_count?idle_within_s={timeout_s}")
        return self.calls(after)

    def latest(self) -> int:
        """The last sequence number so far."""
        calls = self.calls()
        return calls[-1].sequence if calls else 0

    def forget(self) -> None:
        """Record from here on."""
        self._ask("DELETE", "/_record")

    def active(self) -> int:
        counts = cast("dict[str, int]", self._ask("GET", "/_count"))
        return counts["active"]

    def add_rules(self, *rules: Mapping[str, object]) -> None:
        self._ask("POST", "/_rules", json.dumps(rules))

    def _records(self, path: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("GET", path))

    def _ask(self, method: str, path: str, body: str | None = None) -> object:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_TIMEOUT_S)
        with closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read()
        assert response.status == HTTPStatus.OK, answer
        return cast("object", json.loads(answer))


def _call(line: Mapping[str, Any]) -> Call:
    body = line.get("body")
    known = {name: line[name] for name in Call.__slots__ if name != "body"}
    return Call(**known, body=cast("Mapping[str, Any]", body if isinstance(body, dict) else {}))


@contextmanager
def simulator(*arguments: str) -> Generator[Simulator]:
    """A simulator without latency unless the arguments or a profile say so."""
    command = [
        sys.executable, "-m", "provider_sim", "--port", "0", "--ttft-ms", "0",
        "--inter-token-ms", "0", "--keep-bodies", *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert _LISTENING in line, line
        yield Simulator(line.partition(_LISTENING)[2].strip().removesuffix("/v1"))
    finally:
        process.terminate()
        process.communicate(timeout=10)
