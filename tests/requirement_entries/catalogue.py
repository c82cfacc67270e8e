"""What conclave.yaml promises to the operator and to the services that read it."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "catalogue:problems:located",
        "architecture.md, layout: catalogue",
        "Every problem names file, line, column, field, what is wrong and what to do.",
    ),
    Requirement(
        "catalogue:problems:collected",
        "architecture.md, layout: catalogue",
        "All problems of a file are reported at once, across entries and kinds of mistake.",
    ),
    Requirement(
        "catalogue:problems:only-configuration-errors",
        "style.md, errors",
        "Whatever the file's bytes are, loading ends with a catalogue or a ConfigurationError.",
    ),
    Requirement(
        "catalogue:yaml:bounded",
        "architecture.md, layout: catalogue",
        "Oversized, endlessly nested and multiplying files are refused; no tag makes an object.",
    ),
    Requirement(
        "catalogue:yaml:core-schema",
        "architecture.md, layout: catalogue",
        "Words such as off, no and 12:30 are text, as YAML 1.2 reads them.",
    ),
    Requirement(
        "catalogue:references",
        "coordination.md, panels and models by name",
        "Names, aliases, fallbacks and roles that contradict each other are refused.",
    ),
    Requirement(
        "catalogue:secrets:never-inline",
        "architecture.md, layout: catalogue",
        "A secret in the file is refused, and no problem repeats it.",
    ),
    Requirement(
        "catalogue:secrets:by-reference",
        "architecture.md, layout: catalogue",
        "Keys come from a variable or a file; a missing one names provider, place and remedy.",
    ),
    Requirement(
        "catalogue:resolved",
        "architecture.md, who owns which truth",
        "A name resolves to a spec with every reference followed and every default filled in.",
    ),
    Requirement(
        "catalogue:names:stable",
        "OpenAI contract 4.2",
        "Every name and alias is listed with the same created time on every replica.",
    ),
    Requirement(
        "catalogue:watch:change",
        "architecture.md, the stack: configuration",
        "A changed file is taken, also when only a symlink above it was swapped.",
    ),
    Requirement(
        "catalogue:watch:bad-refused",
        "architecture.md, the stack: configuration",
        "A bad file is refused and said so; the catalogue before it stays in use.",
    ),
    Requirement(
        "catalogue:embedded",
        "architecture.md, processes: one machine",
        "Without a file there is a panel `council` of three personas, and plain models.",
    ),
    Requirement(
        "catalogue:documented",
        "style.md, settings document themselves",
        "docs/configuration.md is generated with type, default, unit and example; drift fails.",
    ),
    Requirement(
        "catalogue:kinds",
        "coordination.md, panels and models by name",
        "Each provider kind has its own address, version, dialect and defaults of capabilities.",
    ),
    Requirement(
        "catalogue:discovery",
        "coordination.md, panels and models by name",
        "Models that a provider lists are offered as provider/model, filtered by patterns.",
    ),
    Requirement(
        "catalogue:auxiliary",
        "coordination.md, panels and models by name",
        "Small requests of clients are told from the chat and go to the configured model.",
    ),
    Requirement(
        "catalogue:compaction",
        "compaction.md, thresholds",
        "Compaction is configured per model and panel; its summariser is a model, never a panel.",
    ),
    Requirement(
        "catalogue:samples",
        "coordination.md, panels and models by name",
        "One model sampled n times is n seats with ids of their own.",
    ),
    Requirement(
        "catalogue:estimates",
        "coordination.md, bars",
        "Calls, tokens, cost and duration of a panel are estimated from its specification alone.",
    ),
    Requirement(
        "catalogue:examples",
        "coordination.md, panels and models by name",
        "The example panels load, and docs/panels.md states their estimates as they are.",
    ),
    Requirement(
        "catalogue:massgen:mapped",
        "coordination.md, panels and models by name",
        "A MassGen file is a panel: agents, models, system messages, limits, voting, timeouts.",
    ),
    Requirement(
        "catalogue:massgen:reported",
        "coordination.md, panels and models by name",
        "Keys of a MassGen file without a counterpart are reported with file and line.",
    ),
    Requirement(
        "catalogue:massgen:refused",
        "coordination.md, panels and models by name",
        "A malformed MassGen file is refused with file, line and field; nothing else goes down.",
    ),
    Requirement(
        "catalogue:massgen:inert",
        "coordination.md, panels and models by name",
        "Nothing that a MassGen file names is opened, started or called.",
    ),
]
