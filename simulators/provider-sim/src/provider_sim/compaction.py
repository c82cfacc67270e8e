"""Native compaction: the vendor folds a conversation into one opaque item that only it can open.

Users', system and developer messages stay as they are; of everything else the statements of fact
are kept. An item opens at the same vendor under the same key only, as real ones do.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from provider_sim.facts import facts_in
from provider_sim.prompt import Message
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX = "gAAAAsim"
_MAC_BYTES = 16
_FIRST_WORDS = 8
KEPT_ROLES = frozenset({"user", "system", "developer"})


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens; `secret` is what makes two organisations differ."""

    secret: str

    def seal(self, text: str) -> str:
        data = zlib.compress(text.encode("utf-8", "surrogatepass"))
        return _PREFIX + base64.urlsafe_b64encode(self._mac(data) + data).decode()

    def open(self, sealed: str) -> str:
        """What was sealed.

        Raises:
            WireError: another organisation's, changed, or no item at all.
        """
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_PREFIX).encode())
        except (binascii.Error, ValueError) as error:
            raise _unverified() from error
        mac, data = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not sealed.startswith(_PREFIX) or not hmac.compare_digest(mac, self._mac(data)):
            raise _unverified()
        return zlib.decompress(data).decode("utf-8", "surrogatepass")

    def _mac(self, data: bytes) -> bytes:
        key = blake2b(self.secret.encode()).digest()
        return blake2b(data, key=key, digest_size=_MAC_BYTES).digest()


def _unverified() -> WireError:
    return WireError(
        "The encrypted content could not be verified.",
        param="input",
        code="invalid_encrypted_content",
    )


def folded_text(messages: Iterable[Message]) -> str:
    """What an item remembers of the messages that do not stay."""
    lines: list[str] = []
    for message in messages:
        if message.role in KEPT_ROLES:
            continue
        lines += _remembered(message.text)
        lines += [f"Called {call.name} with {call.arguments}" for call in message.calls]
    return "\n".join(dict.fromkeys(lines))


def _remembered(text: str) -> list[str]:
    facts = facts_in(text)
    words = text.split()
    return facts or ([" ".join(words[:_FIRST_WORDS])] if words else [])


def opened_message(text: str) -> Message:
    """An opened item, at its place in the conversation."""
    return Message("assistant", text)
