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
]
