"""The running API's own description: linters find no fault in it, and no answer to anybody is outside it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from local.paths import PROJECT
from tests.e2e.stack import Stack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
NAMES = ("reads", "writes", "speech", "partner", "guests")
LIMITS = ",".join(
    ["address=1000000/60", "address-failures=1000000/60", "guests-device=100000/60"]
    + [f"{name}{kind}=100000/60" for name in NAMES for kind in ("", "-burst")]
)
EXAMPLES = int(os.environ.get("API_EXAMPLES", "5"))  # for each operation and phase; the drill asks for more


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
async def test_no_answer_is_outside_the_document(own_stack: Stack, tmp_path: Path) -> None:
    await own_stack.start(RATE_LIMITS=LIMITS)
    for role in ("learner", "operator", "service"):
        code, output = await fuzz(own_stack, role, tmp_path)
        assert code == 0, f"as {role}:\n{output}"


async def fuzz(stack: Stack, role: str, folder: Path) -> tuple[int, str]:
    """Run schemathesis over the whole document with this role's token."""
    base = f"http://127.0.0.1:{stack.ports.host}/api"
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        "run", f"{base}/openapi.json", "--url", base,
        "--header", f"Authorization: Bearer {stack.token('schema', role)}",
        "--checks", CHECKS, "--max-examples", str(EXAMPLES), "--phases", "coverage,fuzzing",
        "--generation-deterministic", "--suppress-health-check", "all", "--continue-on-failure", "--no-color",
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.e2e.api_fuzzing", "PYTHONPATH": str(PROJECT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
