"""A saga that was undone has no plan, whenever its steps come."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.learning.analysis import analyse
from shared_code.domain.learning.progress import Progress
from shared_code.services.planning import PlanningService, PlanRecord
from shared_code.storage.documents import Documents
from tests.ports import free_ports
from tests.shared_code.events.backbone import Backbone, backbone_on, practised, stream_of

ANALYSIS = analyse(Progress())


@dataclass
class Planner:
    """The planning service of one learner, and what that learner's stream says of plans."""

    backbone: Backbone
    service: PlanningService
    cause: CloudEvent
    person: str

    async def facts(self) -> list[tuple[int, str]]:
        """Versions and causes of plans, as they were stated."""
        stored = [each.event async for each in self.backbone.store.read(self.person)]
        return [(int(event.data["version"]), str(event.data["cause"])) for event in stored]


def planning_on(backbone: Backbone, at: Backbone) -> PlanningService:
    """Plans kept on one backbone, facts stated on another."""
    plans = Documents(backbone.blobs, backbone.keys, "projections", "plan", PlanRecord)
    progress = Documents(backbone.blobs, backbone.keys, "projections", "progress", Progress)
    return PlanningService(plans, progress, at.journal, utc_now)


@pytest.fixture
async def planner(azurite: str, servicebus: str) -> AsyncIterator[Planner]:
    name = f"learner-{uuid.uuid4().hex[:12]}"
    async with backbone_on(azurite, servicebus) as backbone:
        cause = practised(name)
        yield Planner(backbone, planning_on(backbone, backbone), cause, stream_of("sayzhong", name))


async def test_a_step_that_runs_again_after_its_undo_changes_nothing(planner: Planner) -> None:
    """A worker stood still in the step, which ran elsewhere, and the saga was undone: then the worker goes on."""
    await planner.service.adapt(planner.person, planner.cause, ANALYSIS, "kept")
    await planner.service.adapt(planner.person, planner.cause, ANALYSIS, "undone")
    await planner.service.restore(planner.person, planner.cause, "undone")
    with pytest.raises(Conflict) as late:
        await planner.service.adapt(planner.person, planner.cause, ANALYSIS, "undone")
    assert late.value.code == "saga-undone"
    assert (await planner.service.view(planner.person)).saga_id == "kept"
    assert await planner.facts() == [(1, "progress"), (2, "progress"), (2, "withdrawn")]


async def test_an_undo_that_overtakes_its_step_holds(planner: Planner) -> None:
    """The step was given up on before it had begun; undoing it twice is undoing it once."""
    for _ in range(2):
        await planner.service.restore(planner.person, planner.cause, "undone")
    with pytest.raises(Conflict):
        await planner.service.adapt(planner.person, planner.cause, ANALYSIS, "undone")
    with pytest.raises(NotFound):
        await planner.service.view(planner.person)
    assert await planner.facts() == []


async def test_an_undo_states_the_plan_that_it_takes_back(planner: Planner, servicebus: str) -> None:
    """A step died between the plan and its fact; were it to state that later, the plan would seem to be in force."""
    (port,) = free_ports(1)
    nowhere = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:{port}/x;"
    async with backbone_on(nowhere, servicebus) as broken:
        with pytest.raises(Unavailable):
            await planning_on(planner.backbone, broken).adapt(planner.person, planner.cause, ANALYSIS, "undone")
    await planner.service.restore(planner.person, planner.cause, "undone")
    assert await planner.facts() == [(1, "progress"), (1, "withdrawn")]
