"""What a decoder is given."""

from model_providers.decode_context import DecodeContext


def test_a_protocol_error_names_the_provider() -> None:
    error = DecodeContext("vendor", lambda: "id").protocol_error("its stream ended early")

    assert (error.message, error.provider) == ("vendor: its stream ended early", "vendor")
