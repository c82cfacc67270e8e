"""Where a secret stands, and reading it there."""

from collections.abc import Mapping
from pathlib import Path

from wire.errors import UpstreamAuthError
from wire.specs import ProviderSpec, SecretReference

MAX_SECRET_BYTES = 64 * 1024


class MissingSecretError(UpstreamAuthError):
    """A provider's key is not where the configuration says.

    `message` may reach a client and says only that; `str()` names the place and the remedy.
    """

    def __init__(self, provider: str, place: str, remedy: str) -> None:
        whose = f"provider {provider!r}" if provider else "a provider"
        super().__init__(f"No usable credentials are configured for {whose}.", provider=provider)
        self.place = place
        self.remedy = remedy
        self._told = f"{whose}: no usable key in {place}; {remedy}"

    def __str__(self) -> str:
        return self._told


def resolve_secret(
    reference: SecretReference, environ: Mapping[str, str], *, provider: str = ""
) -> str:
    """The secret, without the white space around it.

    Raises:
        MissingSecretError: not set, empty, unreadable, or not one line of printable characters.
    """
    if reference.env is not None:
        place = f"environment variable {reference.env}"
        remedy = "set it for every service that calls providers, or change `api_key`"
        return _checked(environ.get(reference.env, ""), provider, place, remedy)
    if reference.file is None:
        raise MissingSecretError(provider, "an empty reference", "write {env: NAME}")
    place = f"file {reference.file}"
    return _checked(_read(reference.file, provider), provider, place, "put the key alone into it")


class ProviderSecrets:
    """The keys of all providers, as callers of providers need them.

    A file is read again when it has changed, so a rotated Secret is picked up without a restart.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._files: dict[str, tuple[tuple[int, ...], str]] = {}

    def __call__(self, provider: ProviderSpec) -> str | None:
        """None for a provider that needs no key."""
        reference = provider.api_key
        if reference is None:
            return None
        if reference.file is None:
            return resolve_secret(reference, self._environ, provider=provider.name)
        return self._from_file(reference, reference.file, provider.name)

    def _from_file(self, reference: SecretReference, path: str, provider: str) -> str:
        stamp = _stamp(path)
        known = self._files.get(path)
        if known is not None and stamp is not None and known[0] == stamp:
            return known[1]
        secret = resolve_secret(reference, self._environ, provider=provider)
        if stamp is not None:
            self._files[path] = stamp, secret
        return secret


def _stamp(path: str) -> tuple[int, ...] | None:
    """What changes when the file does; follows the symlinks of a mounted Secret."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size


def _read(path: str, provider: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "unusable"
        remedy = f"make it readable ({reason}), or change `api_key`"
        raise MissingSecretError(provider, f"file {path}", remedy) from None
    return data.decode("utf-8", "replace") if len(data) <= MAX_SECRET_BYTES else ""


def _checked(text: str, provider: str, place: str, remedy: str) -> str:
    secret = text.strip()
    # It becomes a header's value.
    if not secret or not secret.isascii() or not secret.isprintable():
        raise MissingSecretError(provider, place, remedy)
    return secret
