"""The authorities that vendors' certificates are checked against, read when the first one is.

aiohttp reads them twice as it is imported: 144 certificates, 50 ms of CPU and 4 MB in every
process, most of which call plain HTTP only. Here they are read at the first TLS handshake.
"""

from __future__ import annotations

import ssl

from aiohttp import connector

_ALPN = ("http/1.1",)
# aiohttp's two contexts: for sessions that say nothing of TLS, and for those that check nothing.
_VERIFIED, _UNVERIFIED = "_SSL_CONTEXT_VERIFIED", "_SSL_CONTEXT_UNVERIFIED"


class CertificatesOnDemand(ssl.SSLContext):
    """For event loops. The authorities are the machine's, or those that SSL_CERT_FILE names."""

    _are_read = False

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  the signature of ssl
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        self._read()
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def _read(self) -> None:
        if not self._are_read:
            self._are_read = True
            self.load_default_certs()


def client_context() -> CertificatesOnDemand:
    """A context as strict as `ssl.create_default_context()`, with nothing read yet."""
    context = CertificatesOnDemand(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(_ALPN)
    strict: ssl.SSLContext | None = getattr(connector, _VERIFIED, None)
    if strict is not None:
        context.verify_flags = strict.verify_flags
        if strict.keylog_filename:
            context.keylog_filename = strict.keylog_filename
    return context


def forget_what_was_read() -> None:
    """Free what aiohttp read; its sessions use contexts of the same kind that read on demand."""
    if isinstance(getattr(connector, _VERIFIED, None), CertificatesOnDemand):
        return
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    unverified.set_alpn_protocols(_ALPN)
    setattr(connector, _VERIFIED, client_context())
    setattr(connector, _UNVERIFIED, unverified)
