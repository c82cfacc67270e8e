"""The embedded configurations as text, with their `${...}` filled in."""

import re
from importlib import resources
from string import Template
from typing import Literal

EmbeddedKind = Literal["sim", "openai"]

# Templates quote their places; what would end the quotes or the line has no place in a URL.
_HARMLESS = re.compile(r"[\x21-\x7e]+")
_HARMFUL = frozenset("\"'\\`")


class EmbeddedConfigurationError(ValueError):
    """A value is missing, unknown or would break out of its place."""


def render_embedded(kind: EmbeddedKind, **values: str) -> str:
    """The configuration `kind` as YAML. `sim` needs `SIM_BASE_URL`; `openai` needs nothing.

    Raises:
        EmbeddedConfigurationError: see there.
    """
    template = Template((resources.files("catalogue.embedded") / f"{kind}.yaml").read_text("utf-8"))
    wanted = set(template.get_identifiers())
    if wanted != set(values):
        raise EmbeddedConfigurationError(
            f"{kind}.yaml takes {sorted(wanted) or 'no values'}, given {sorted(values)}"
        )
    for name, value in values.items():
        if not _HARMLESS.fullmatch(value) or _HARMFUL & set(value):
            raise EmbeddedConfigurationError(f"{name} is not a plain one-line value")
    return template.substitute(values)
