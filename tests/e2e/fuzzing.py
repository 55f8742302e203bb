"""schemathesis over the running API's document: every operation as somebody who may use it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from local.paths import PROJECT
from shared_code.domain.events.catalogue import READ_ANY, WRITE_ANY
from tests.e2e.people import api_of, publish
from tests.e2e.stack import Stack, eventually
from tests.e2e.test_dead_letters import practice
from tests.e2e.test_path import progress_event

# Not that every body of the right shape is taken: some rules are beyond a schema.
EXCLUDED = "positive_data_acceptance"
# 413 and its like refuse what is out of bounds, and in a 207 each event has a status of its own.
CONFIGURATION = """
[checks.negative_data_rejection]
expected-statuses = [
    "207", "400", "401", "403", "404", "405", "409", "413", "414", "415", "422", "428", "429", "431", "503",
]
"""


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, let in as this role. `ids` are things of theirs, by the name that paths have for them.

    `opens` are operations that must have answered with success: a run in which all is refused has looked at nothing.
    """

    role: str
    token: str
    ids: Mapping[str, str]
    opens: frozenset[str]


async def learner(stack: Stack) -> Caller:
    """With a session."""
    token = stack.token("fuzz-learner")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{stack.api}/v1/sessions", json={"mode": "practice"}, headers=headers) as answer,
    ):
        ids = {"session_id": (await answer.json())["session_id"]}
    opens = (
        "POST /v1/sessions",
        "GET /v1/sessions/{session_id}",
        "GET /v1/sessions/{session_id}/messages",
        "POST /v1/realtime/negotiate",
        "GET /v1/progress/me",
        "POST /v1/guests",
        "GET /health/live",
    )
    return Caller("learner", token, ids, frozenset(opens))


async def operator(stack: Stack) -> Caller:
    """With a saga that has run, a dead letter, a job of each kind, a webhook, and the registry."""
    event, misfit = progress_event("fuzz-saga"), practice("fuzz-misfit", "sayzhong", 9)
    await publish(stack, "learning-progress", event, misfit)
    saga = f"learning-progress-{event['id']}"
    async with api_of(stack, "fuzz-operator", "operator") as api:

        async def there() -> bool:
            return (await api.call("GET", f"/api/v1/ops/sagas/{saga}"))[0] == 200

        async def letter() -> str:
            _, page, _ = await api.call("GET", "/api/v1/ops/dead-letters")
            return next((str(each["id"]) for each in page["letters"] if each["event_id"] == misfit["id"]), "")

        await eventually(there, what="the saga")
        ids = {"tenant": "sayzhong", "saga_id": saga, "service": "fuzzed", "id": "one"}
        ids["letter_id"] = await eventually(letter, what="the dead letter")
        wish = {"url": "https://hooks.school.example/", "types": [event["type"]]}
        _, made, _ = await api.call("POST", "/api/v1/webhooks", json=wish)
        ids["webhook_id"] = made["webhook"]["id"]
        for kind, order in (("redrives", {}), ("replays", {"projection": "progress"})):
            _, job, _ = await api.call("POST", f"/api/v1/ops/{kind}", json=order)
            ids[f"{kind}/job_id"] = job["id"]
    opens = (
        "GET /v1/ops/events",
        "GET /v1/ops/sagas",
        "GET /v1/ops/sagas/{saga_id}",
        "GET /v1/ops/services",
        "GET /v1/ops/dead-letters/{letter_id}",
        "GET /v1/ops/redrives/{job_id}",
        "GET /v1/ops/replays/{job_id}",
        "GET /v1/webhooks/{webhook_id}",
    )
    return Caller("operator", stack.token("fuzz-operator", "operator"), ids, frozenset(opens))


async def partner(stack: Stack) -> Caller:
    """A program with scopes and no role; it may what the role of our own programs may."""
    token = stack.partner_token("fuzz-partner", WRITE_ANY, READ_ANY)
    return Caller("service", token, {}, frozenset(("POST /v1/events",)))


CALLERS: Mapping[str, Callable[[Stack], Awaitable[Caller]]] = {
    "learner": learner,
    "operator": operator,
    "partner": partner,
}
ROLES = ("learner", "operator", "service")
"""As which an operation is asked: the first of these that is let in, and a learner where everybody is."""


@dataclass(frozen=True)
class Fuzzed:
    """How it went: schemathesis' exit code and output, and the statuses that each operation answered."""

    code: int
    output: str
    statuses: Mapping[str, set[int]]
    requests: int

    @property
    def worked(self) -> set[str]:
        """The operations that answered with success at least once."""
        return {name for name, statuses in self.statuses.items() if any(200 <= status < 300 for status in statuses)}


async def operations_for(stack: Stack, role: str) -> list[str]:
    """The ids of the operations that are asked as this role."""
    async with aiohttp.ClientSession() as http, http.get(f"{stack.api}/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    asked_as = {}
    for operation in (each for path in paths.values() for each in path.values()):
        let_in = {role for entry in operation["security"] for role in entry.get("bearer", ())} or {"learner"}
        asked_as[operation["operationId"]] = [each for each in ROLES if each in let_in]
    assert all(asked_as.values()), f"as whom are these asked? {asked_as}"
    return [operation for operation, roles in asked_as.items() if roles[0] == role]


async def fuzz(stack: Stack, caller: Caller, folder: Path, *, examples: int, seed: int | None = None) -> Fuzzed:
    """Ask the operations of this caller's role so many examples a phase; without a seed the same ones each time."""
    folder.mkdir(exist_ok=True)
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    tally = folder / "tally"
    tally.touch()
    chance = ["--generation-deterministic"] if seed is None else ["--seed", str(seed)]
    chosen = [f"--include-operation-id={name}" for name in await operations_for(stack, caller.role)]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        "run", f"{stack.api}/openapi.json", "--url", stack.api, "--header", f"Authorization: Bearer {caller.token}",
        "--checks", "all", "--exclude-checks", EXCLUDED, "--max-examples", str(examples), *chance, *chosen,
        "--phases", "coverage,fuzzing", "--suppress-health-check", "all", "--warnings", "off",
        "--continue-on-failure", "--no-color",
        cwd=folder,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "tests.e2e.fuzzing_hooks",
            "PYTHONPATH": str(PROJECT),
            "API_FUZZING_IDS": json.dumps(dict(caller.ids)),
            "API_FUZZING_TALLY": str(tally),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    lines = tally.read_text().splitlines()
    statuses: defaultdict[str, set[int]] = defaultdict(set)
    for line in lines:
        name, _, status = line.rpartition(" ")
        statuses[name].add(int(status))
    shortened = "\n".join(line[:300] for line in output.decode().splitlines())
    return Fuzzed(process.returncode or 0, shortened, statuses, len(lines))
