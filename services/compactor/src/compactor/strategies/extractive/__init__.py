"""The level that needs no model: what is worth keeping, chosen word by word. Pure.

Each word and each identifier gets a worth, roughly the chance that a later turn asks for it; the
budget buys the most worth per token. What stands in a condensed passage stood in its source,
literally and in the same order.
"""

from compactor.strategies.extractive.condense import Condenser, anchors, condense
from compactor.strategies.extractive.passages import Condensed, Passage, Speaker

__all__ = ["Condensed", "Condenser", "Passage", "Speaker", "anchors", "condense"]
