"""The texts that records are made of: names, URLs, headers, patterns; and how one is refused."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from wire.specs import Dialect

AZURE_API_VERSION = "2024-10-21"
EVERY_PANEL = "all"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,4000}")
_API_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(?:-preview)?|v1|preview|latest")
_USAGE_LOOKUP = re.compile(r"/[A-Za-z0-9._~/-]{0,200}\{request_id\}[A-Za-z0-9._~/-]{0,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}
)
# How the well-known vendors' keys begin.
_SECRET_VALUE = re.compile(r"\s*(?:bearer\s|basic\s|sk-|sk_|hf_|gsk_|xai-|AIza)", re.IGNORECASE)
_NO_SECRETS = "use `api_key: {env: NAME}`; secrets never stand in this file"
_OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "accept"})


class RefusedError(ValueError):
    """A finding that brings its own remedy; `at` names the field when a whole record is checked."""

    def __init__(self, message: str, fix: str, *, at: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.at = at


def is_public_name(name: str) -> bool:
    """Whether a client can ask for it."""
    return bool(_NAME.fullmatch(name)) and not name.endswith("/") and "//" not in name


def is_short_name(name: str) -> bool:
    """Whether an agent or a provider can be called so."""
    return bool(_SHORT_NAME.fullmatch(name))


def _public_name(name: str) -> str:
    if not is_public_name(name):
        raise RefusedError(
            "is not a usable name",
            "start with a letter or digit; then letters, digits and . _ : / @ + -, no double or "
            "trailing slash, at most 200 characters",
        )
    return name


def _short_name(name: str) -> str:
    if not is_short_name(name):
        raise RefusedError(
            "is not a usable name",
            "start with a letter or digit; then letters, digits and . _ -, at most 64 characters",
        )
    return name


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        raise RefusedError("is not a URL", "write https://host/v1") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise RefusedError(
            "holds credentials, a query or a fragment",
            "write the bare URL; a key belongs in `api_key` as {env: NAME} or {file: PATH}",
        )
    if not usable or re.search(r"[\s{}\x00-\x1f\x7f]", url):
        raise RefusedError("is not an http or https URL", "write https://host/v1")
    return url.rstrip("/")


def _environment_name(name: str) -> str:
    # The text is never repeated: it may be a key that was put here by mistake.
    if not _ENVIRONMENT_NAME.fullmatch(name):
        raise RefusedError(
            "is not the name of an environment variable",
            "write the variable's name, as in {env: OPENAI_API_KEY}; the key itself never stands "
            "in this file",
        )
    return name


def _file_path(path: str) -> str:
    if not path.strip() or _CONTROL.search(path):
        raise RefusedError("is not a path", "write the path of a file that holds the key alone")
    return path


def _folder_path(path: str) -> str:
    if not path.strip() or _CONTROL.search(path):
        raise RefusedError("is not a path", "write the path of a folder")
    return path


def _api_version(version: str) -> str:
    if not _API_VERSION.fullmatch(version):
        raise RefusedError(
            "is not a version of the vendor's API", f"write one such as {AZURE_API_VERSION}"
        )
    return version


def _usage_lookup(path: str) -> str:
    if not _USAGE_LOOKUP.fullmatch(path):
        raise RefusedError(
            "is not a path with one place for the request's id",
            "write it as it goes on behind base_url, like /usage/{request_id}",
        )
    return path


def _header_name(name: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        raise RefusedError(f"the header {name!r} would hold a secret", _NO_SECRETS)
    if name.lower() in _OWN_HEADERS or name.lower().startswith("x-conclave-"):
        raise RefusedError(f"the header {name!r} is set by Conclave itself", "remove it")
    if not _HEADER_NAME.fullmatch(name):
        raise RefusedError("is not the name of a header", "use letters, digits and -")
    return name


def _header_value(value: str) -> str:
    if _SECRET_VALUE.match(value):
        raise RefusedError("looks like a secret", _NO_SECRETS)
    if not _HEADER_VALUE.fullmatch(value):
        raise RefusedError("is not the value of a header", "use printable ASCII in one line")
    return value


def _all_alone(value: object) -> object:
    """`all` may stand without brackets."""
    return [EVERY_PANEL] if value == EVERY_PANEL else value


def _distinct(values: list[str]) -> list[str]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise RefusedError(f"{value!r} stands twice", "keep one")
    return values


PublicNameText = Annotated[str, AfterValidator(_public_name)]
ShortNameText = Annotated[str, AfterValidator(_short_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Names = Annotated[list[PublicNameText], Field(max_length=32), AfterValidator(_distinct)]
MAX_PERSONA_CHARACTERS = 20_000

Persona = Annotated[str, Field(min_length=1, max_length=MAX_PERSONA_CHARACTERS)]
EnvironmentName = Annotated[str, AfterValidator(_environment_name)]
SecretFile = Annotated[str, AfterValidator(_file_path)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
FolderPath = Annotated[str, AfterValidator(_folder_path)]
UsageLookup = Annotated[str, AfterValidator(_usage_lookup)]
ApiVersion = Annotated[str, AfterValidator(_api_version)]
UpstreamModel = Annotated[str, Field(min_length=1, max_length=200)]
BackendTypeText = Annotated[str, AfterValidator(_short_name)]
Patterns = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(max_length=100),
    AfterValidator(_distinct),
]
Phrases = Annotated[
    list[Annotated[str, Field(min_length=4, max_length=500)]],
    Field(max_length=100),
    AfterValidator(_distinct),
]
PanelNames = Annotated[Names, Field(min_length=1), BeforeValidator(_all_alone)]
Dialects = Annotated[list[Dialect], AfterValidator(_distinct)]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
