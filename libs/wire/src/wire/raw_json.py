"""JSON kept verbatim inside typed structs.

msgspec cannot decode `Raw | None`, so an absent field is the empty `Raw`, which is falsy and left
out on encoding by `omit_defaults`. A client's explicit `null` is read as absent too: `is_present`.
"""

from __future__ import annotations

import msgspec

ABSENT = msgspec.Raw()
_NULL_BYTES = 4  # what is longer is not copied to be compared


def is_present(raw: msgspec.Raw) -> bool:
    """Whether the field was there and was not `null`."""
    return bool(raw) and (memoryview(raw).nbytes != _NULL_BYTES or bytes(raw) != b"null")
