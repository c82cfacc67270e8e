"""schemathesis asks every public route what its document allows, and what it does not.

`FUZZ_EXAMPLES` questions per route beside those that cover each schema once; `make test-fuzz`
sets it. A failure prints the curl line that shows it again.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import openai
import pytest

from tests.fuzz.steering import Document, steered
from tests.system.platform_process import Platform

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))  # noqa: TID251 - asked for by make
SEED = os.environ.get("FUZZ_SEED", "1")  # noqa: TID251 - asked for by make
LEAST_CASES = 2000
RSS_GROWTH_BYTES = 150 * 1024 * 1024
GENERATED = re.compile(r"(\d+) generated")


@pytest.mark.timeout(3600)
@pytest.mark.requirement("surface:fuzz:no-5xx")
def test_no_generated_question_is_a_fault_of_ours(
    running: Platform, client: openai.OpenAI, tmp_path: Path
) -> None:
    steered_file = tmp_path / "openapi.json"
    steered_file.write_text(json.dumps(steered(_document(running), client)))
    gateway = running.service("api_gateway")
    before_bytes = gateway.memory_info().rss

    asked = subprocess.run(  # noqa: S603 - our own arguments
        _command(steered_file, running),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=3500,
    )

    print(f"{time.strftime('%T')} seed {SEED}\n{asked.stdout[-6000:]}")  # noqa: T201 - pytest shows it
    assert asked.returncode == 0, asked.stdout[-20_000:]
    found = GENERATED.search(asked.stdout)
    assert found is not None
    assert int(found[1]) >= LEAST_CASES
    assert "request_crashed" not in running.text()
    assert running.service("api_gateway").pid == gateway.pid
    assert gateway.memory_info().rss - before_bytes < RSS_GROWTH_BYTES


def _document(running: Platform) -> Document:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    with closing(connection):
        headers = {"authorization": f"Bearer {running.api_key}"}
        connection.request("GET", "/openapi.json", headers=headers)
        return json.load(connection.getresponse())


def _command(document: Path, running: Platform) -> list[str]:
    return [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(document)),
        *("--url", f"http://127.0.0.1:{running.port}"),
        *("--header", f"Authorization: Bearer {running.api_key}"),
        *("--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"),
        *("--phases", "coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES)),
        *("--seed", SEED),
        # One thread: two that parse at once meet CPython 3.11's "AST constructor recursion depth
        # mismatch" within the generator. Source: python/cpython#106905.
        *("--workers", "1"),
        *("--suppress-health-check", "all"),
        "--continue-on-failure",
        "--no-color",
    ]
