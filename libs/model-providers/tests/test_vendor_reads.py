"""One bounded GET; `test_discovery` and `test_usage_look_up` show the rest of its failures."""

import aiohttp
import pytest

from model_providers.testing import VendorConnection, scripted_vendor
from model_providers.vendor_reads import VendorReads
from wire.errors import UpstreamProtocolError
from wire.specs import ProviderSpec


@pytest.mark.requirement("providers:usage-look-up")
@pytest.mark.parametrize("status", [200, 404, 302])
async def test_an_answer_is_handed_over_whatever_its_status(
    session: aiohttp.ClientSession, status: int
) -> None:
    async def answer(connection: VendorConnection) -> None:
        await connection.answer(status, b"abc")

    async with scripted_vendor(answer) as vendor:
        spec = ProviderSpec(name="v", kind="openai-compatible", base_url=vendor.base_url)
        reads = VendorReads(session, lambda _: None)

        document = await reads.get(spec, "/x", what="a text", max_bytes=3)

        assert (document.status, document.body) == (status, b"abc")
        with pytest.raises(UpstreamProtocolError, match="a text of more than 2 bytes"):
            await reads.get(spec, "/x", what="a text", max_bytes=2)
