from typing import cast

import msgspec
import pytest
from pydantic import BaseModel, ValidationError

from catalogue.record_fields import Record
from catalogue.records import (
    AgentRecord,
    CapabilitiesRecord,
    CompactionRecord,
    LimitsRecord,
    ModelRecord,
    PanelRecord,
    PricesRecord,
    ProviderRecord,
    SecretRecord,
    SpeedRecord,
)
from wire.specs import (
    AgentSpec,
    Capabilities,
    CompactionSpec,
    ModelSpec,
    PanelSpec,
    Prices,
    ProviderSpec,
    RunLimits,
    SecretReference,
    Speed,
)

PAIRS: list[tuple[type[Record], type[msgspec.Struct]]] = [
    (ProviderRecord, ProviderSpec),
    (SecretRecord, SecretReference),
    (CapabilitiesRecord, Capabilities),
    (CompactionRecord, CompactionSpec),
    (SpeedRecord, Speed),
    (PricesRecord, Prices),
    (ModelRecord, ModelSpec),
    (AgentRecord, AgentSpec),
    (LimitsRecord, RunLimits),
    (PanelRecord, PanelSpec),
]
DEFAULT_OF_KIND = {"dialects"}  # None in records: the provider's kind decides
# What only one side has, and why.
ONLY_IN_RECORDS = {
    "aliases": "a name's, not a spec's",
    "created": "a name's, not a spec's",
    "id": "agent_id in the spec",
    "samples": "so many agents in the spec",
    "discover": "the catalogue's, for whoever reads the vendor's list",
    "discovery": "as discover",
}
ONLY_IN_SPECS = {
    "name": "the key of the entry",
    "agent_id": "id in the record",
}


def defaults_of_spec(spec: type[msgspec.Struct]) -> dict[str, object]:
    fields = msgspec.structs.fields(spec)
    return {
        field.name: field.default_factory()
        if field.default_factory is not msgspec.NODEFAULT
        else field.default
        for field in fields
    }


def plain(value: object) -> object:
    """Records and structs, lists and tuples, made comparable."""
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if isinstance(value, list | tuple):
        return [plain(part) for part in cast("list[object]", value)]
    return value


@pytest.mark.requirement("catalogue:resolved")
@pytest.mark.parametrize(("record", "spec"), PAIRS)
def test_records_and_specs_have_the_same_fields(
    record: type[Record], spec: type[msgspec.Struct]
) -> None:
    of_record = set(record.model_fields) - set(ONLY_IN_RECORDS)
    of_spec = {field.name for field in msgspec.structs.fields(spec)} - set(ONLY_IN_SPECS)

    # A panel's `kind` tells it from a single model run as one; nobody configures that.
    assert of_record == of_spec - ({"kind"} if spec is PanelSpec else set())


@pytest.mark.requirement("catalogue:resolved")
@pytest.mark.parametrize(("record", "spec"), PAIRS)
def test_records_and_specs_have_the_same_defaults(
    record: type[Record], spec: type[msgspec.Struct]
) -> None:
    of_spec = defaults_of_spec(spec)
    optional = {n: f for n, f in record.model_fields.items() if not f.is_required()}
    # None there, required here: filled in by resolution.
    compared = {
        name for name in optional if of_spec.get(name, msgspec.NODEFAULT) is not msgspec.NODEFAULT
    } - DEFAULT_OF_KIND

    assert {name: plain(optional[name].default) for name in compared} == {
        name: plain(of_spec[name]) for name in compared
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "https://api.example.org/openai/v1",
        "http://[::1]:8000/v1",
        "HTTPS://host",
    ],
)
def test_base_urls_of_http_servers_are_taken(url: str) -> None:
    assert ProviderRecord(kind="openai-compatible", base_url=url).base_url == url


def test_a_trailing_slash_of_a_base_url_is_dropped() -> None:
    record = ProviderRecord(kind="openai-compatible", base_url="http://host/v1//")

    assert record.base_url == "http://host/v1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://host:99999/v1",
        "http://host:x/v1",
        "http://[::1/v1",
        "${BASE_URL}",
        "http://${HOST}/v1",
        "http://host/v 1",
        "https://user:password@host/v1",
        "https://host/v1?key=abc",
        "https://host/v1#part",
    ],
)
def test_other_base_urls_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        ProviderRecord(kind="openai-compatible", base_url=url)


@pytest.mark.requirement("catalogue:secrets:never-inline")
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "anything"},
        {"X-API-KEY": "anything"},
        {"x-custom": "Bearer abc"},
        {"x-custom": "sk-abc"},
    ],
)
def test_headers_that_hold_a_secret_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="secret"):
        ProviderRecord(kind="openai", headers=headers)


@pytest.mark.parametrize(
    "headers",
    [{"a b": "c"}, {"a": "b\r\nc: d"}, {"": "a"}, {"Host": "a"}, {"x-conclave-team": "a"}],
)
def test_headers_that_would_break_a_request_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ProviderRecord(kind="openai", headers=headers)


@pytest.mark.parametrize("record", [SecretRecord, ProviderRecord, ModelRecord, PanelRecord])
def test_unknown_keys_are_refused(record: type[Record]) -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        record.model_validate({"nobody_knows_this": 1})
