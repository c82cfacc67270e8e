import ssl

import aiohttp
import pytest
from aiohttp import connector

from service_kit import certificates
from service_kit.internal_client import new_session


def _handshake(context: ssl.SSLContext) -> ssl.SSLObject:
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="vendor.example")


@pytest.mark.requirement("service-kit:memory:certificates-on-demand")
def test_the_authorities_are_read_at_the_first_handshake() -> None:
    context = certificates.client_context()
    before = context.cert_store_stats()["x509_ca"]

    _handshake(context)

    assert before == 0
    assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()


def test_they_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    context = certificates.client_context()
    reads = 0

    def count(*_: object) -> None:
        nonlocal reads
        reads += 1

    monkeypatch.setattr(context, "load_default_certs", count)
    _handshake(context)
    _handshake(context)

    assert reads == 1


def test_what_is_checked_is_what_python_checks_by_default() -> None:
    ours, usual = certificates.client_context(), ssl.create_default_context()

    assert (ours.verify_mode, ours.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (ours.verify_flags, ours.options) == (usual.verify_flags, usual.options)
    assert (ours.minimum_version, ours.maximum_version) == (
        usual.minimum_version,
        usual.maximum_version,
    )


async def test_a_session_that_says_nothing_of_tls_checks_with_them() -> None:
    async with new_session() as session:
        assert isinstance(session.connector, aiohttp.TCPConnector)

    assert isinstance(vars(connector)["_SSL_CONTEXT_VERIFIED"], certificates.CertificatesOnDemand)


def test_a_session_told_to_check_nothing_checks_nothing() -> None:
    certificates.forget_what_was_read()

    unverified = vars(connector)["_SSL_CONTEXT_UNVERIFIED"]

    assert isinstance(unverified, ssl.SSLContext)
    assert (unverified.verify_mode, unverified.check_hostname) == (ssl.CERT_NONE, False)
