from typing import Annotated

import pytest

from catalogue.document import Location
from catalogue.record_fields import Record
from catalogue.record_types import record_at, record_in, unwrapped
from catalogue.records import (
    AgentRecord,
    CapabilitiesRecord,
    ConfigurationRecord,
    ModelRecord,
    ProviderRecord,
    SecretRecord,
)


@pytest.mark.parametrize(
    ("location", "record"),
    [
        ((), ConfigurationRecord),
        (("providers", "p"), ProviderRecord),
        (("providers", "p", "api_key"), SecretRecord),
        (("models", "m"), ModelRecord),
        (("models", "m", "capabilities"), CapabilitiesRecord),
        (("panels", "p", "agents", 3), AgentRecord),
        (("models",), None),
        (("models", "m", "aliases", 0), None),
        (("nowhere", "m"), None),
    ],
)
def test_a_location_leads_to_the_record_whose_fields_stand_there(
    location: Location, record: type[Record] | None
) -> None:
    assert record_at(location) is record


def test_annotations_lose_their_wrapping() -> None:
    assert unwrapped(Annotated[int | None, "mark"]) is int


def test_a_list_or_mapping_leads_to_what_it_holds() -> None:
    assert record_in(dict[str, list[AgentRecord]]) is AgentRecord
    assert record_in(list[str]) is None
