"""Every answer of the running API is in its own description, whoever asks whatever."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from local.paths import PROJECT
from tests.e2e.stack import Stack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
NAMES = ("reads", "writes", "speech", "partner", "guests")
LIMITS = ",".join(
    ["address=1000000/60", "address-failures=1000000/60", "guests-device=100000/60"]
    + [f"{name}{kind}=100000/60" for name in NAMES for kind in ("", "-burst")]
)
EXAMPLES = int(os.environ.get("API_EXAMPLES", "5"))  # for each operation and phase; the drill asks for more


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
