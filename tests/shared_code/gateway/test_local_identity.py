"""The local identity provider serves: real tokens, its own discovery, and a key that is exchanged."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.identity.tokens import issue
from local.paths import PROJECT
from shared_code.domain.errors import Unauthenticated
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.identity.tokens import TokenVerifier
from tests.ports import accepts, free_ports
from tests.shared_code.gateway.conftest import SECRET
from tests.shared_code.gateway.openid import AUDIENCE


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (port,) = free_ports(1)
    monkeypatch.setenv("LOCAL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LOCAL_PORT_IDENTITY", str(port))
    process = subprocess.Popen([sys.executable, "-m", "local.identity"], cwd=PROJECT, stderr=subprocess.DEVNULL)
    try:
        assert accepts(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(15)


async def test_its_tokens_hold_and_say_who_it_is(issuer: str) -> None:
    discovered = DiscoveredKeys(issuer)
    keys = IssuerKeys(issuer, discovered)
    verifier = TokenVerifier({issuer: keys}, audience=(AUDIENCE,), tenants=frozenset(), pseudonym_key=SECRET, skew=0)
    token = await asyncio.to_thread(issue, "mei", ["learner", "teacher"], "school-1", 60, "events.write")
    principal = await verifier.verify(token)
    assert (principal.id, principal.tenant) == ("mei", "school-1")
    assert principal.roles == {"learner", "teacher"}
    assert principal.scopes == {"events.write"}
    with pytest.raises(Unauthenticated):
        await verifier.verify(await asyncio.to_thread(issue, "mei", ["learner"], "school-1", -1))
    await keys.close()
    await discovered.close()
