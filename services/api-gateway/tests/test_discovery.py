"""The configuration together with what providers list by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from api_gateway.discovery import RETRY_S, DiscoveredCatalogue
from catalogue import Catalogue, load_catalogue
from service_kit.testing import FakeClock
from wire.errors import UpstreamError

if TYPE_CHECKING:
    from pathlib import Path

    from wire.specs import ProviderSpec

pytestmark = pytest.mark.requirement("gateway:discovery")

CONFIGURATION = """\
version: 1
providers:
  lab:
    kind: openai-compatible
    base_url: "{url}"
    discover: true
    discovery: {{refresh_s: 600, tool_capable: ["big*"]}}
  plain: {{kind: openai-compatible, base_url: "http://plain/v1"}}
models:
  sim: {{provider: plain}}
{more}
"""


@dataclass
class Lists:
    """What each provider would answer, and who was asked."""

    answers: dict[str, tuple[str, ...]]
    asked: list[str] = field(default_factory=list[str])

    async def of(self, provider: ProviderSpec, /) -> tuple[str, ...]:
        self.asked.append(provider.base_url)
        if provider.name not in self.answers:
            raise UpstreamError("down", provider=provider.name)
        return self.answers[provider.name]


@dataclass
class Scene:
    folder: Path
    lists: Lists = field(default_factory=lambda: Lists({"lab": ("big-1", "small")}))
    clock: FakeClock = field(default_factory=FakeClock)

    def configure(self, url: str = "http://lab/v1", more: str = "") -> None:
        file = self.folder / "conclave.yaml"
        file.write_text(CONFIGURATION.format(url=url, more=more))
        self.catalogue = load_catalogue(file)

    def discovering(self) -> DiscoveredCatalogue:
        return DiscoveredCatalogue(lambda: self.catalogue, self.lists, self.clock)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.configure()
    return scene


def offered(catalogue: Catalogue) -> list[str]:
    return [name.id for name in catalogue.public_names() if "/" in name.id]


async def test_what_a_provider_lists_is_offered_under_its_name(scene: Scene) -> None:
    found = scene.discovering()

    before = offered(found.current)
    await found.refresh()

    assert before == []
    assert offered(found.current) == ["lab/big-1", "lab/small"]
    assert found.discovered_count == 2
    assert found.current.resolve("lab/big-1") is not None
    tools = {name.id: name.capabilities.tools for name in found.current.public_names()}
    assert (tools["lab/big-1"], tools["lab/small"]) == (True, False)
    assert scene.lists.asked == ["http://lab/v1"]


async def test_a_list_is_read_again_when_it_is_due_and_not_before(scene: Scene) -> None:
    found = scene.discovering()
    await found.refresh()
    first = found.current

    await found.refresh()
    scene.clock.advance(601)
    await found.refresh()
    unchanged = found.current
    scene.lists.answers["lab"] = ("big-2",)
    scene.clock.advance(601)
    await found.refresh()

    assert len(scene.lists.asked) == 3
    assert unchanged is first
    assert offered(found.current) == ["lab/big-2"]


async def test_a_list_that_cannot_be_read_leaves_what_was_known_and_is_tried_again_soon(
    scene: Scene,
) -> None:
    found = scene.discovering()
    await found.refresh()
    scene.lists.answers.clear()

    scene.clock.advance(601)
    await found.refresh()
    kept = offered(found.current)
    scene.lists.answers["lab"] = ("big-3",)
    scene.clock.advance(RETRY_S + 1)
    await found.refresh()

    assert kept == ["lab/big-1", "lab/small"]
    assert offered(found.current) == ["lab/big-3"]


async def test_a_changed_configuration_keeps_the_lists_of_unchanged_providers(
    scene: Scene,
) -> None:
    found = scene.discovering()
    await found.refresh()

    scene.configure(more="  other: {provider: plain}")

    assert found.current.resolve("other") is not None
    assert offered(found.current) == ["lab/big-1", "lab/small"]
    assert found.current is found.current


async def test_a_provider_that_moved_is_asked_anew(scene: Scene) -> None:
    found = scene.discovering()
    await found.refresh()

    scene.configure(url="http://elsewhere/v1")
    moved = offered(found.current)
    await found.refresh()

    assert moved == []
    assert offered(found.current) == ["lab/big-1", "lab/small"]
    assert scene.lists.asked == ["http://lab/v1", "http://elsewhere/v1"]


async def test_a_provider_that_no_longer_discovers_offers_what_is_declared(scene: Scene) -> None:
    found = scene.discovering()
    await found.refresh()
    file = scene.folder / "conclave.yaml"
    file.write_text(file.read_text().replace("discover: true", "discover: false"))
    scene.catalogue = load_catalogue(file)

    await found.refresh()

    assert offered(found.current) == []
    assert len(scene.lists.asked) == 1


async def test_it_refreshes_until_it_is_cancelled(scene: Scene) -> None:
    slept = asyncio.Event()

    async def sleep(_: float) -> None:
        slept.set()
        await asyncio.Event().wait()

    found = DiscoveredCatalogue(lambda: scene.catalogue, scene.lists, scene.clock, sleep=sleep)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.run())
        await slept.wait()
        running.cancel()

    assert offered(found.current) == ["lab/big-1", "lab/small"]
