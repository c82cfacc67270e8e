"""Ids as clients and vendors see them. Prefixes: OpenAI wire contract, section 0.

An id is a prefix and 24 hex digits of the operating system's entropy. Output items of a response
derive from (response id, index), so that a replay is byte-equal.
"""

from __future__ import annotations

import hashlib
import os
from typing import NewType

RunId = NewType("RunId", str)
CallId = NewType("CallId", str)
RequestId = NewType("RequestId", str)
TenantId = NewType("TenantId", str)
KeyId = NewType("KeyId", str)
AgentId = NewType("AgentId", str)

_ENTROPY_BYTES = 12


def new_id(prefix: str) -> str:
    """`prefix` and 24 hex digits."""
    return prefix + os.urandom(_ENTROPY_BYTES).hex()


def new_request_id() -> RequestId:
    """What `x-request-id` says, on every answer."""
    return RequestId(new_id("req_"))


def new_run_id() -> RunId:
    """One run; makes `StartRun` idempotent."""
    return RunId(new_id("run_"))


def new_call_id() -> CallId:
    """One upstream exchange; `upstream_request_id` adds the attempt."""
    return CallId(new_id("ccall_"))


def new_chat_completion_id() -> str:
    """The `id` of a chat completion and of each of its chunks."""
    return new_id("chatcmpl-")


def new_tool_call_id() -> str:
    """For backends that send none. At most 64 characters: OpenAI's limit for a call_id."""
    return new_id("call_")


def upstream_request_id(call_id: CallId, attempt: int) -> str:
    """What the vendor is told (`x-request-id`), and the join key of ledger and vendor record."""
    return f"{call_id}.{attempt}"


def derived_id(prefix: str, owner_id: str, index: int) -> str:
    """The same owner and index always give the same id."""
    digest = hashlib.blake2s(f"{owner_id}/{index}".encode(), digest_size=_ENTROPY_BYTES)
    return prefix + digest.hexdigest()
