"""A prompt prefix cache as vendors run it: whole blocks of 1,024 tokens, per model, bounded."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

BLOCK_TOKENS = 1_024


class PrefixCache:
    def __init__(self, most_blocks: int) -> None:
        self._most_blocks = most_blocks
        self._blocks: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, model: str, tokens: list[str]) -> int:
        """How many leading tokens were seen before; remembers the whole prompt."""
        hits = 0
        chain = blake2b(model.encode(), digest_size=12)
        for start in range(0, len(tokens) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
            chain.update("".join(tokens[start : start + BLOCK_TOKENS]).encode())
            key = chain.digest()
            if key in self._blocks and hits == start // BLOCK_TOKENS:
                hits += 1
            self._remember(key)
        return hits * BLOCK_TOKENS

    def _remember(self, key: bytes) -> None:
        self._blocks[key] = None
        self._blocks.move_to_end(key)
        if len(self._blocks) > self._most_blocks:
            self._blocks.popitem(last=False)

    def __len__(self) -> int:
        return len(self._blocks)
