"""The scene's configuration is composed once: from test to test only the simulator's port differs.

Composing its sixty models takes PyYAML 25 ms, half of what a scene costs.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from unittest import mock

import yaml

from catalogue import document
from catalogue.document import Document

_compose = document._compose
_known: dict[str, tuple[str, yaml.Node | None]] = {}


@contextmanager
def composed_once(url: str) -> Generator[None]:
    """While it lasts, a text that was composed for another simulator is not composed again."""

    def compose(text: str, found: Document) -> yaml.Node | None:
        key = text.replace(url, "")
        if url not in text:
            return _compose(text, found)
        if key not in _known:
            _known[key] = url, _compose(text, found)
        before, node = _known[key]
        if node is not None and before != url:
            _retarget(node, before, url)
            _known[key] = url, node
        return node

    with mock.patch.object(document, "_compose", compose):
        yield


def _retarget(node: yaml.Node, before: str, url: str) -> None:
    for scalar in _scalars(node):
        scalar.value = scalar.value.replace(before, url)


def _scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Of the providers, which alone know where they are."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value not in ("models", "panels"):
                yield from _scalars(value)
