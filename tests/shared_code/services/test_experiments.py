"""Experiments are announced when they change, and an exposure is stated once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.events.experiment import Variant
from shared_code.domain.experiment import Experiment
from shared_code.domain.principal import Principal
from shared_code.services.announced import Announced
from shared_code.services.experiments import ExperimentsService
from shared_code.services.people import People
from tests.shared_code.events.backbone import KEY, Backbone, backbone_on, stream_of

OPERATOR = Principal(id="anna", tenant="sayzhong", pseudonym=stream_of("sayzhong", "anna"))


class Laboratory:
    """The service over a table of its own, with one experiment and one learner."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        table = backbone.tables.table(f"experiments{uuid.uuid4().hex[:12]}")
        kept = Announced(table, "experiments", Experiment, backbone.journal, People(KEY))
        self.experiments = ExperimentsService(kept, backbone.journal, utc_now)
        self.experiment_id = f"tips-{uuid.uuid4().hex[:12]}"
        name = f"learner-{uuid.uuid4().hex[:12]}"
        self.learner = Principal(id=name, tenant="sayzhong", pseudonym=stream_of("sayzhong", name))

    async def put(self, expected: int | None = None, **changes: Any) -> tuple[Experiment, bool]:
        wanted = Experiment(
            experiment_id=self.experiment_id,
            version=0,
            status="running",
            variants=(Variant(name="short", share=0.5), Variant(name="long", share=0.5)),
            salt="",
        )
        wanted = msgspec.structs.replace(wanted, **changes)
        return await self.experiments.put(OPERATOR, str(uuid.uuid4()), wanted, expected=expected)

    async def expose(self, surface: str) -> Any:
        return await self.experiments.expose(self.learner, str(uuid.uuid4()), self.experiment_id, surface=surface)

    async def facts(self, stream: str) -> list[dict[str, Any]]:
        return [each.event.data async for each in self.backbone.store.read(stream)]


@pytest.fixture
async def laboratory(azurite: str, servicebus: str) -> AsyncIterator[Laboratory]:
    async with backbone_on(azurite, servicebus) as backbone:
        yield Laboratory(backbone)


async def test_changes_are_announced_and_nothing_else_is(laboratory: Laboratory) -> None:
    begun, new = await laboratory.put()
    assert (begun.version, begun.salt, new) == (1, laboratory.experiment_id, True)
    assert (await laboratory.put()) == (begun, False)
    paused, new = await laboratory.put(status="paused", expected=1)
    assert (paused.version, new) == (2, False)
    with pytest.raises(Conflict):
        await laboratory.put(status="concluded", expected=1)
    facts = await laboratory.facts(stream_of("sayzhong", laboratory.experiment_id))
    assert [fact["status"] for fact in facts] == ["running", "paused"]


async def test_an_exposure_is_stated_once_and_keeps_where_it_first_was(laboratory: Laboratory) -> None:
    await laboratory.put()
    exposures = await asyncio.gather(*(laboratory.expose(f"screen-{number}") for number in range(6)))
    assert len({(each.variant, each.surface, each.exposed_at) for each in exposures}) == 1
    (fact,) = await laboratory.facts(laboratory.learner.pseudonym)
    assert (fact["variant"], fact["surface"]) == (exposures[0].variant, exposures[0].surface)
    assigned = await laboratory.experiments.assignment(laboratory.learner.pseudonym, laboratory.experiment_id)
    assert assigned.variant == fact["variant"]


async def test_who_takes_no_part_cannot_be_exposed_and_drafts_are_not_there(laboratory: Laboratory) -> None:
    await laboratory.put(status="draft")
    with pytest.raises(NotFound):
        await laboratory.expose("feedback")
    await laboratory.put(status="paused")
    with pytest.raises(Conflict):
        await laboratory.expose("feedback")
    assert await laboratory.facts(laboratory.learner.pseudonym) == []
    assert await laboratory.experiments.assignments(laboratory.learner.pseudonym) == []
