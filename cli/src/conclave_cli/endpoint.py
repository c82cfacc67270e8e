"""The public endpoint as a client sees it: where it is, the key, and what went wrong."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import msgspec

from conclave_cli.errors import RequestFailedError
from conclave_cli.ports import LOOPBACK
from conclave_cli.state_directory import StateDirectory, read_secret
from wire.errors import ErrorBody

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from conclave_cli.settings import CliSettings

_CONNECT_TIMEOUT_S = 5.0
_MAX_ERROR_BYTES = 64 * 1024


class _MaybeEnvelope(msgspec.Struct):
    error: ErrorBody


@dataclass(frozen=True, slots=True)
class Endpoint:
    base_url: str
    api_key: str
    timeout_s: float

    @asynccontextmanager
    async def request(
        self, method: str, path: str, body: bytes | None = None
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """The answer to one request, when it is a success.

        Raises:
            RequestFailedError: nobody there, too slow, broken off, or refused, and why.
        """
        timeout = aiohttp.ClientTimeout(total=self.timeout_s, sock_connect=_CONNECT_TIMEOUT_S)
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(trust_env=True, timeout=timeout) as session,
                session.request(
                    method, self.base_url + path, data=body, headers=headers
                ) as response,
            ):
                if response.status != HTTPStatus.OK:
                    raise await _refused(response)
                yield response
        except TimeoutError:
            raise RequestFailedError(
                f"{self.base_url} gave no whole answer within {self.timeout_s:g} s"
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise RequestFailedError(
                f"nothing answers at {self.base_url} ({error.os_error.strerror or error}); is "
                "`conclave run` running here, or do CONCLAVE_PORT or CONCLAVE_BASE_URL point "
                "elsewhere?"
            ) from None
        except aiohttp.ClientError as error:
            raise RequestFailedError(f"{self.base_url}: {error}") from None


def endpoint_from(settings: CliSettings, base_url: str | None) -> Endpoint:
    """The endpoint a command talks to: argument, then environment, then this machine's.

    Raises:
        RequestFailedError: no key is known for it.
    """
    chosen = base_url or settings.base_url or f"http://{LOOPBACK}:{settings.port}/v1"
    return Endpoint(chosen.rstrip("/"), _api_key(settings), settings.request_timeout_s)


def _api_key(settings: CliSettings) -> str:
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    path = StateDirectory(settings.state_dir).api_key_file
    try:
        return read_secret(path)
    except OSError:
        raise RequestFailedError(
            f"no API key: {path} is not there; set CONCLAVE_API_KEY, or call this where "
            "`conclave run` was started"
        ) from None


async def _refused(response: aiohttp.ClientResponse) -> RequestFailedError:
    body = await response.content.read(_MAX_ERROR_BYTES)
    request_id = response.headers.get("x-request-id", "none")
    try:
        message = msgspec.json.decode(body, type=_MaybeEnvelope).error.message
    except msgspec.DecodeError:
        message = f"not an answer of an OpenAI-compatible endpoint: {body[:200]!r}"
    return RequestFailedError(f"HTTP {response.status}: {message} (request id {request_id})")
