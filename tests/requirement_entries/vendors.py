"""Several vendors: their wires, their models, their faults."""

from tests.requirements import Requirement

_ENGINE = "coordination: panels and models by name"
_FAULTS = "design: tenancy and reliability, faults"
_MESSAGES = "Anthropic Messages API"

ENTRIES = [
    Requirement(
        "provider-sim:anthropic-wire",
        _MESSAGES,
        "The official SDK reads answers, streams, tools, thinking and counts from the simulator.",
    ),
    Requirement(
        "provider-sim:azure-wire",
        "Azure OpenAI data plane",
        "The official SDK is answered below deployment paths and the v1 path, verdicts included.",
    ),
]
