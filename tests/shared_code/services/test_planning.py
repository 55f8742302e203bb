"""Plans are a fold over the learner's stream; a saga that was undone has none, whenever its steps come."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.planning import PlanAdapted, PlannedSyllable
from shared_code.domain.learning.analysis import analyse
from shared_code.domain.learning.plan import FOLD, REMEMBERED, Plans
from shared_code.domain.learning.progress import Progress
from shared_code.events.rebuild import Rebuild
from shared_code.services.planning import PlanningService, PlanProjection
from shared_code.services.progress import ProgressService
from shared_code.storage.documents import Documents
from tests.shared_code.events.backbone import Backbone, backbone_on, practised, stream_of

ANALYSIS = analyse(Progress())


@dataclass
class Planner:
    """The planning service of one learner, and what that learner's stream says of plans."""

    backbone: Backbone
    service: PlanningService
    cause: CloudEvent
    person: str

    @property
    def documents(self) -> Documents[Plans]:
        return plans_on(self.backbone)

    async def adapt(self, saga_id: str) -> int:
        return await self.service.adapt(self.person, self.cause, ANALYSIS, saga_id)

    async def restore(self, saga_id: str) -> None:
        await self.service.restore(self.person, self.cause, saga_id)

    async def made_by(self, saga_id: str) -> int | None:
        plan = await self.service.made_by(self.person, self.cause, saga_id)
        return plan.version if plan else None

    async def facts(self) -> list[tuple[int, str]]:
        """Versions and causes of plans, as they were stated."""
        stored = [each.event async for each in self.backbone.store.read(self.person)]
        return [(int(event.data["version"]), str(event.data["cause"])) for event in stored if "cause" in event.data]


def plans_on(backbone: Backbone, container: str = "projections") -> Documents[Plans]:
    return Documents(backbone.blobs, backbone.keys, container, "plans", Plans)


def planning_on(backbone: Backbone, container: str = "projections") -> PlanningService:
    progress = Documents(backbone.blobs, backbone.keys, "projections", "progress", Progress)
    return PlanningService(plans_on(backbone, container), progress, backbone.store, backbone.journal, utc_now)


@pytest.fixture
async def planner(azurite: str, servicebus: str) -> AsyncIterator[Planner]:
    name = f"learner-{uuid.uuid4().hex[:12]}"
    async with backbone_on(azurite, servicebus) as backbone:
        cause = practised(name)
        yield Planner(backbone, planning_on(backbone), cause, stream_of("sayzhong", name))


async def test_a_step_that_runs_again_after_its_undo_changes_nothing(planner: Planner) -> None:
    """A worker stood still in the step, which ran elsewhere, and the saga was undone: then the worker goes on."""
    assert [await planner.adapt(saga) for saga in ("kept", "undone", "kept")] == [1, 2, 1]
    for _ in range(2):
        await planner.restore("undone")
    with pytest.raises(Conflict) as late:
        await planner.adapt("undone")
    assert late.value.code == "saga-undone"
    assert [await planner.made_by(saga) for saga in ("kept", "undone")] == [1, None]
    assert (await planner.service.view(planner.person)).version == 1
    assert await planner.facts() == [(1, "progress"), (2, "progress"), (2, "withdrawn")]


async def test_an_undo_that_overtakes_its_step_holds(planner: Planner) -> None:
    """The step was given up on before it had begun; undoing it twice is undoing it once."""
    for _ in range(2):
        await planner.restore("undone")
    with pytest.raises(Conflict) as late:
        await planner.adapt("undone")
    assert late.value.code == "saga-undone"
    with pytest.raises(NotFound):
        await planner.service.view(planner.person)
    assert await planner.facts() == []
    assert await planner.backbone.pending.of_stream(planner.person) == []


async def test_an_undo_takes_back_what_a_step_stated_before_it_died(planner: Planner) -> None:
    """Between the fact and the document: what the documents lack is in the stream."""
    elsewhere = planning_on(planner.backbone, "projections-elsewhere")
    await elsewhere.adapt(planner.person, planner.cause, ANALYSIS, "undone")
    await planner.restore("undone")
    with pytest.raises(NotFound):
        await planner.service.view(planner.person)
    assert await planner.facts() == [(1, "progress"), (1, "withdrawn")]


async def test_plans_that_are_made_at_once_are_counted_one_by_one(
    planner: Planner, azurite: str, servicebus: str
) -> None:
    """In two processes, while the learner goes on."""
    async with backbone_on(azurite, servicebus) as other:
        services = (planner.service, planning_on(other))

        async def adapt(number: int) -> int:
            return await services[number % 2].adapt(planner.person, planner.cause, ANALYSIS, f"saga-{number}")

        async def practise() -> None:
            for _ in range(4):
                await planner.backbone.journal.record(planner.person, [practised(planner.cause.subject)])

        versions = (await asyncio.gather(*(adapt(number) for number in range(6)), practise()))[:6]
    assert sorted(int(version or 0) for version in versions) == [1, 2, 3, 4, 5, 6]
    assert await planner.facts() == [(number, "progress") for number in range(1, 7)]
    assert [plan.version for plan in (await planner.documents.load(planner.person)).plans] == [1, 2, 3, 4, 5, 6]


async def test_a_plan_is_found_though_many_came_after_it(planner: Planner) -> None:
    """A saga that waited for long announces its own plan all the same; one that is taken back stays so."""
    for saga in ("waited", "undone", *map(str, range(REMEMBERED))):
        await planner.adapt(saga)
    await planner.restore("undone")
    assert (await planner.documents.load(planner.person)).plans[0].version > 2
    assert [await planner.made_by(saga) for saga in ("waited", "undone", "never")] == [1, None, None]


async def test_another_system_s_plan_is_a_plan(planner: Planner) -> None:
    """Whoever may state a fact about the learner states it; ours go on from there."""

    async def state(cause: str, plan_id: str) -> None:
        item = PlannedSyllable(hanzi="好", pinyin="hǎo", tone=3, due=utc_now())
        data = PlanAdapted(plan_id=plan_id, version=70, cause=cause, items=(item,))  # type: ignore[arg-type]
        event = event_of(
            data, subject=planner.cause.subject, tenant="sayzhong", correlation_id=str(uuid.uuid4()), now=utc_now()
        )
        await planner.backbone.journal.record(planner.person, [event])

    await state("request", "theirs")
    assert (await planner.service.view(planner.person)).plan_id == "theirs"
    assert await planner.adapt("ours") == 2
    await state("request", "theirs")  # revised
    assert await planner.adapt("ours too") == 4
    await planner.restore("ours too")
    current = await planner.service.view(planner.person)
    assert (current.plan_id, current.version, [item.hanzi for item in current.items]) == ("theirs", 3, ["好"])
    await state("withdrawn", "theirs")
    assert await planner.adapt("ours at last") == 5


async def test_rebuilt_plans_are_the_same_byte_for_byte_and_mend_what_was_broken(planner: Planner) -> None:
    """Also with what happens meanwhile, and with what was undone."""
    await planner.backbone.journal.record(planner.person, [planner.cause])
    await ProgressService(
        Documents(planner.backbone.blobs, planner.backbone.keys, "projections", "progress", Progress),
        planner.backbone.store,
    ).catch_up(planner.person)
    for saga in ("one", "two", "three"):
        await planner.adapt(saga)
    await planner.restore("two")
    right = msgspec.json.encode(await planner.documents.load(planner.person))

    rebuild = Rebuild(planner.backbone.store, PlanProjection(planner.documents), uuid.uuid4().hex)
    assert await rebuild.build(planner.person, "sayzhong") == 5
    assert await rebuild.compare(planner.person) is None

    broken = await planner.documents.load(planner.person)
    broken.plans.pop()
    await planner.documents.put(planner.person, broken)
    difference = await rebuild.compare(planner.person)
    assert difference is not None
    assert difference.places == ("/plans",)
    await rebuild.swap(planner.person)
    assert msgspec.json.encode(await planner.documents.load(planner.person)) == right

    await rebuild.build(planner.person, "sayzhong")
    await planner.adapt("four")
    await planner.restore("one")
    await rebuild.swap(planner.person)
    swapped = await planner.documents.load(planner.person)
    assert [plan.version for plan in swapped.plans] == [3, 4]
    assert await planner.adapt("five") == 5


async def test_a_document_of_another_fold_is_computed_anew(planner: Planner) -> None:
    await planner.adapt("one")
    right = await planner.documents.load(planner.person)
    wrong = msgspec.structs.replace(right, plans=[], versions=9, fold=FOLD - 1)
    await planner.documents.put(planner.person, wrong)
    assert await planner.adapt("one") == 1
    assert await planner.documents.load(planner.person) == right
