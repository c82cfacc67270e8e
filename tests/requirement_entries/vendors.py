"""Several vendors: their wires, their models, their faults."""

from tests.requirements import Requirement

_ENGINE = "coordination: panels and models by name"
_FAULTS = "design: tenancy and reliability, faults"
_MESSAGES = "Anthropic Messages API"

ENTRIES = [
    Requirement(
        "system:vendors:tool-loop",
        "coordination: bars",
        "Five steps with a client's tool have one shape, by any vendor alone or in a mixed panel.",
    ),
    Requirement(
        "system:vendors:mixed-panel",
        _ENGINE,
        "A panel of three vendors answers, votes and agrees, each in its own dialect.",
    ),
    Requirement(
        "system:vendors:alone",
        _ENGINE,
        "A plain model of another vendor serves Chat clients like any other.",
    ),
    Requirement(
        "system:vendors:discovery",
        _ENGINE,
        "What a vendor lists is listed and can be asked, without a restart.",
    ),
    Requirement(
        "gateway:discovery",
        _ENGINE,
        "With `discover: true` a provider's own models are offered as `provider/model`.",
    ),
    Requirement(
        "providers:anthropic",
        _MESSAGES,
        "Streaming, tools both ways, images, forms, thoughts and cached tokens go through.",
    ),
    Requirement(
        "providers:azure",
        "Azure OpenAI data plane",
        "A deployment is called under its own path, version and key header.",
    ),
    Requirement(
        "providers:faults",
        _FAULTS,
        "Every upstream fault has its named outcome, on every wire.",
    ),
    Requirement(
        "providers:discovery",
        _ENGINE,
        "A vendor's list of models is read, whatever its kind; a broken one changes nothing.",
    ),
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
    Requirement(
        "provider-sim:native-compaction",
        "OpenAI contract 3.1",
        "A conversation folds into one item that this vendor alone opens, in later calls too.",
    ),
    Requirement(
        "provider-sim:forgetful-summary",
        "compaction: bars",
        "A summary that the simulator writes loses 30 % of the facts, chosen by seed.",
    ),
]
