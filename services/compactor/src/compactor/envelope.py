r"""The sealed item: `cmp1.` and base64url of header, nonce, ciphertext and tag.

AES-256-GCM under a key of the tenant's own, derived by HKDF from a master key of the ring. What
stands in the header is readable and authenticated: version, key id, model family, when it was made,
level, hash of the content, hash of the parent, what it opens to; see `wire.sealed_items`. The
tenant is authenticated and not written down. The content is compressed and padded to whole KiB, so
that its length tells little.

Whatever is wrong with an item (a flipped bit, another tenant's, a key we do not hold, a part
missing), its holder learns the same: 400 `invalid_encrypted_content`, one text.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import hashlib
import hmac
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wire.errors import InvalidRequestError
from wire.sealed_items import PREFIX, SealedHeader, decode_header, encode_header

if TYPE_CHECKING:
    from compactor.keys import KeyRing

_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HASH_BYTES = 16
_PADDING_BYTES = 1024
# 20 MiB sealed: the contract's bound. A small item must not unpack into a large one either.
MAX_ITEM_CHARACTERS = 20 * 1024 * 1024
_MAX_CONTENT_BYTES = 64 * 1024 * 1024
_SEAL, _HASH, _BLOB = b"seal", b"hash", b"blob"
_ZLIB, _BZ2 = 1, 2


class RingSource(Protocol):
    """Where the keys come from; they may change while the process runs."""

    def ring(self) -> KeyRing: ...


@dataclass(frozen=True, slots=True)
class Opened:
    header: SealedHeader
    content: bytes


class Envelope:
    """Seals and opens; holds no state but the keys."""

    def __init__(self, keys: RingSource) -> None:
        self._keys = keys

    def knows(self, key_id: str) -> bool:
        """Whether items of this key may still be opened."""
        return self._keys.ring().knows(key_id)

    def seal(
        self,
        content: bytes,
        *,
        tenant_id: str,
        model_family: str,
        level: str,
        created_unix_s: int,
        parent_hash: bytes = b"",
        opens_to_tokens: int = 0,
    ) -> str:
        """Seal with the newest key."""
        ring = self._keys.ring()
        key_id = ring.newest_id
        header = encode_header(
            SealedHeader(
                _VERSION,
                key_id,
                model_family,
                created_unix_s,
                level,
                self._hash(ring, key_id, tenant_id, content),
                parent_hash,
                opens_to_tokens,
            )
        )
        nonce = os.urandom(_NONCE_BYTES)
        key = ring.tenant_key(key_id, tenant_id, _SEAL)
        sealed = AESGCM(key).encrypt(nonce, _padded(_packed(content)), _bound(header, tenant_id))
        length = len(header).to_bytes(2, "big")
        return PREFIX + base64.urlsafe_b64encode(length + header + nonce + sealed).decode()

    def open(self, item: str, *, tenant_id: str) -> Opened:
        """Open what this tenant sealed.

        Raises:
            InvalidRequestError: 400 `invalid_encrypted_content`, whatever is wrong.
        """
        try:
            return self._open(item, tenant_id)
        except (
            _UnreadableError, InvalidTag, KeyError, ValueError, OSError, EOFError, zlib.error
        ):  # fmt: skip
            _refuse()

    def seal_blob(self, content: bytes, *, tenant_id: str) -> tuple[str, bytes]:
        """A blob's name, which tells nothing of its content, and its sealed bytes."""
        ring = self._keys.ring()
        key_id = ring.newest_id
        name = hmac.new(
            ring.tenant_key(key_id, tenant_id, _HASH), content, hashlib.sha256
        ).hexdigest()
        nonce = os.urandom(_NONCE_BYTES)
        key = ring.tenant_key(key_id, tenant_id, _BLOB)
        head = bytes([len(key_id)]) + key_id.encode()
        sealed = AESGCM(key).encrypt(nonce, _packed(content), head + name.encode())
        return name, head + nonce + sealed

    def open_blob(self, name: str, blob: bytes, *, tenant_id: str) -> bytes:
        """The content of a blob.

        Raises:
            InvalidRequestError: damaged, foreign, or of a key that is retired.
        """
        try:
            size = 1 + blob[0]
            key = self._keys.ring().tenant_key(blob[1:size].decode(), tenant_id, _BLOB)
            nonce, sealed = blob[size : size + _NONCE_BYTES], blob[size + _NONCE_BYTES :]
            return _unpacked(AESGCM(key).decrypt(nonce, sealed, blob[:size] + name.encode()))
        except (
            _UnreadableError, InvalidTag, KeyError, IndexError, ValueError, OSError, EOFError,
            zlib.error,
        ):  # fmt: skip
            _refuse()

    def _open(self, item: str, tenant_id: str) -> Opened:
        raw = _decoded(item)
        size = 2 + int.from_bytes(raw[:2], "big")
        if len(raw) < size + _NONCE_BYTES + _TAG_BYTES:
            raise _UnreadableError
        header_bytes, nonce = raw[2:size], raw[size : size + _NONCE_BYTES]
        header = decode_header(header_bytes)
        ring = self._keys.ring()
        key = ring.tenant_key(header.key_id, tenant_id, _SEAL)
        sealed = raw[size + _NONCE_BYTES :]
        content = _unpacked(
            _unpadded(AESGCM(key).decrypt(nonce, sealed, _bound(header_bytes, tenant_id)))
        )
        expected = self._hash(ring, header.key_id, tenant_id, content)
        if header.version != _VERSION or not hmac.compare_digest(expected, header.content_hash):
            raise _UnreadableError
        return Opened(header, content)

    def _hash(self, ring: KeyRing, key_id: str, tenant_id: str, content: bytes) -> bytes:
        """Keyed: nobody can confirm a guess of the content by the header."""
        key = ring.tenant_key(key_id, tenant_id, _HASH)
        return hmac.new(key, content, hashlib.sha256).digest()[:_HASH_BYTES]


class _UnreadableError(Exception):
    """Something of the form is wrong; never leaves this module."""


def sealed_characters(content_bytes: int) -> int:
    """How long an item gets whose packed content has so many bytes, at most."""
    padded = (content_bytes // _PADDING_BYTES + 1) * _PADDING_BYTES
    return len(PREFIX) + (padded + _NONCE_BYTES + _TAG_BYTES + 160 + 2) // 3 * 4


def packed_bytes(content: bytes) -> int:
    """How many bytes the content takes compressed."""
    return len(_packed(content))


def _refuse() -> NoReturn:
    raise InvalidRequestError(
        "The encrypted content of a compaction item could not be verified. It was not made here, "
        "belongs to somebody else, was changed, or its key is retired.",
        code="invalid_encrypted_content",
    ) from None


def _decoded(item: str) -> bytes:
    if not item.startswith(PREFIX) or len(item) > MAX_ITEM_CHARACTERS:
        raise _UnreadableError
    text = item[len(PREFIX) :].encode("ascii", "replace")
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise _UnreadableError from error
    if base64.urlsafe_b64encode(raw) != text:  # two spellings of one item are one too many
        raise _UnreadableError
    return raw


def _bound(header: bytes, tenant_id: str) -> bytes:
    """What the tag vouches for besides the content."""
    tenant = tenant_id.encode()
    return PREFIX.encode() + len(header).to_bytes(2, "big") + header + tenant


def _packed(content: bytes) -> bytes:
    """The smaller of two: zlib for what repeats itself nearby, bz2 for long prose."""
    packed = bytes([_ZLIB]) + zlib.compress(content, 9)
    other = bytes([_BZ2]) + bz2.compress(content)
    return min(packed, other, key=len)


def _unpacked(packed: bytes) -> bytes:
    method, body = packed[:1], packed[1:]
    if method == bytes([_ZLIB]):
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(body, _MAX_CONTENT_BYTES)
        whole = unpacker.eof and not unpacker.unused_data
    elif method == bytes([_BZ2]):
        unpacker = bz2.BZ2Decompressor()
        content = unpacker.decompress(body, _MAX_CONTENT_BYTES)
        whole = unpacker.eof and not unpacker.unused_data
    else:
        raise _UnreadableError
    if not whole:
        raise _UnreadableError
    return content


def _padded(data: bytes) -> bytes:
    """Length, data, zeros up to whole KiB."""
    body = len(data).to_bytes(4, "big") + data
    return body + bytes(-len(body) % _PADDING_BYTES)


def _unpadded(body: bytes) -> bytes:
    size = int.from_bytes(body[:4], "big")
    if len(body) < 4 + size:
        raise _UnreadableError
    return body[4 : 4 + size]
