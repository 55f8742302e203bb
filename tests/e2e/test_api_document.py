"""The running API's own description: linters find no fault in it, and no answer to anybody is outside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.paths import PROJECT
from tests.e2e.fuzzing import CALLERS, fuzz
from tests.e2e.stack import Stack

EXAMPLES = 2  # of each operation and phase; the drill asks for more
SPECTRAL = PROJECT / "node_modules/@stoplight/spectral-cli/dist/index.js"


@pytest.mark.asyncio(loop_scope="session")
async def test_linters_find_no_fault_in_the_served_document(stack: Stack, tmp_path: Path) -> None:
    """OpenAPI's own schema, and Spectral with OWASP's rules (.spectral.yaml)."""
    url = f"http://127.0.0.1:{stack.ports.host}/api/openapi.json"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        served = await answer.read()
    assert list(OpenAPIV31SpecValidator(msgspec.json.decode(served)).iter_errors()) == []

    document = tmp_path / "openapi.json"
    document.write_bytes(served)
    process = await asyncio.create_subprocess_exec(
        "node", str(SPECTRAL), "lint", str(document),
        "--ruleset", str(PROJECT / ".spectral.yaml"), "--fail-severity", "warn",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("who", CALLERS)
async def test_no_answer_is_outside_the_document(wide_open_stack: Stack, tmp_path: Path, who: str) -> None:
    """As a learner, an operator and a partner; each of them gets through to what is theirs."""
    caller = await CALLERS[who](wide_open_stack)
    fuzzed = await fuzz(wide_open_stack, caller, tmp_path / "fuzzing", examples=EXAMPLES)
    assert fuzzed.code == 0, fuzzed.output
    assert fuzzed.worked >= caller.opens
