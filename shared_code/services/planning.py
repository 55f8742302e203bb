"""The planning service: what a learner practises next."""

from __future__ import annotations

import asyncio

import msgspec

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.errors import Conflict, NotFound, Unavailable
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.planning import PlanAdapted, PlannedSyllable
from shared_code.domain.events.versions import VERSIONS
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.learning.analysis import Analysis
from shared_code.domain.learning.plan import FOLD, LessonPlan, Plans, adapt, record, stated
from shared_code.domain.learning.progress import Progress
from shared_code.events.journal import Journal
from shared_code.events.projection import caught_up
from shared_code.events.store import EventStore, Precluded
from shared_code.events.stored import StoredEvent
from shared_code.resilience.retry import backoff
from shared_code.storage.documents import Documents

RACES = 12  # lost races for the stream before we say that it is too busy


class PlanProjection:
    """Plans as something to rebuild: all of it comes from the stream (docs/adr/0024)."""

    name = "plan"
    version = FOLD
    snapshots = None  # an undo is a fact like others: nothing is ever computed anew

    def __init__(self, documents: Documents[Plans]) -> None:
        self.live = documents

    def beside(self, rebuild: str) -> Documents[Plans]:
        """The documents of one rebuilding."""
        return self.live.beside(f"rebuilt-{self.name}-{rebuild}")

    def begin(self, _live: Plans) -> Plans:
        """No plan yet."""
        return Plans(fold=FOLD)

    def fold(self, document: Plans, stored: StoredEvent) -> None:
        """Fold one event in: the next one, whatever it is about."""
        if VERSIONS.carries(stored.event, PlanAdapted) and not stored.erased:
            stated = VERSIONS.read(stored.event)
            assert isinstance(stated, PlanAdapted)
            record(document, stated, stored.recorded_at)
        document.position = stored.version


class PlanningService:
    """A plan is a fact in the learner's stream, and so is its withdrawal; the document is their fold."""

    def __init__(
        self, plans: Documents[Plans], progress: Documents[Progress], store: EventStore, journal: Journal, clock: Clock
    ) -> None:
        self._plans = plans
        self._projection = PlanProjection(plans)
        self._progress = progress
        self._store = store
        self._journal = journal
        self._clock = clock

    async def view(self, person: str) -> LessonPlan:
        """The current plan; NotFound before the first attempt."""
        plan = await self.current(person)
        if plan is None:
            raise NotFound("There is no plan yet: practise first.")
        return plan

    async def current(self, person: str) -> LessonPlan | None:
        """The current plan, also where it was stated after the document was written; None before the first one."""
        plans = (await self._onwards(person, await self._plans.load(person))).plans
        return plans[-1] if plans else None

    async def forget(self, person: str) -> None:
        """Delete a learner's plans."""
        await self._plans.delete(person)

    async def made_by(self, person: str, cause: CloudEvent, saga_id: str) -> LessonPlan | None:
        """The plan that a saga made; None where it made none, it is taken back, or its learner erased."""
        plan = (await self._plans.load(person)).of(_plan_id(cause, saga_id))
        if plan is not None:
            return plan
        # A saga that waited for long finds many later plans in the document; the stream still has its own.
        facts = (_fact_id(cause, saga_id, why) for why in ("progress", "withdrawn"))
        stored, taken_back = await asyncio.gather(*(self._store.find(person, fact_id) for fact_id in facts))
        if stored is None or stored.erased or taken_back is not None:
            return None
        fact = VERSIONS.read(stored.event)
        assert isinstance(fact, PlanAdapted)
        return stated(fact, fact.version, stored.recorded_at)

    async def adapt(self, person: str, cause: CloudEvent, analysis: Analysis, saga_id: str) -> int:
        """Plan the next lesson for a saga, and give the plan's version. A second run states no second fact.

        Steps run at least once, and may be overtaken by their undo: Conflict for a saga that was undone meanwhile.
        Unavailable where too much else happens to the learner at once.
        """
        progress = await self._progress.load(person)
        plan_id, version = _plan_id(cause, saga_id), 0

        async def adapted(plans: Plans) -> Plans:
            nonlocal version
            for attempt in range(RACES):
                plans = await self._onwards(person, plans)
                plan = adapt(progress, analysis, version=plans.versions + 1, plan_id=plan_id, now=self._clock())
                fact = self._fact(_data(plan), cause, saga_id)
                try:
                    (stored,) = await self._journal.record(person, [fact], expected_version=plans.position)
                except Precluded:
                    raise _undone() from None
                except Conflict:
                    await asyncio.sleep(backoff(attempt, first=0.02, longest=0.5))
                    continue
                version = int(stored.event.data["version"])
                if stored.version > plans.position:  # else the step has run before
                    self._projection.fold(plans, stored)
                return plans
            raise Unavailable("Too much happens at once; try again.", code="stream-busy", retry_after=1)

        if plan_id in (await self._plans.change(person, adapted)).withdrawn:
            raise _undone()
        return version

    async def restore(self, person: str, cause: CloudEvent, saga_id: str) -> None:
        """Take a saga's plan back, if it made one: the one before it, or a later one, is the current plan then.

        If it made none, it never will: a step that stood still before it stated the plan finds it ruled out.
        """
        fact_id = _fact_id(cause, saga_id, "progress")
        if await self._store.preclude(person, fact_id):
            return
        stored = await self._store.find(person, fact_id)
        if stored is None or stored.erased:
            return
        stated = VERSIONS.read(stored.event)
        assert isinstance(stated, PlanAdapted)
        taken_back = msgspec.structs.replace(stated, cause="withdrawn")
        await self._journal.record(person, [self._fact(taken_back, cause, saga_id)])
        await self._plans.change(person, lambda plans: self._onwards(person, plans))

    async def _onwards(self, person: str, plans: Plans) -> Plans:
        return await caught_up(self._store, self._projection, person, plans)

    def _fact(self, data: PlanAdapted, cause: CloudEvent, saga_id: str) -> CloudEvent:
        return event_of(
            data,
            subject=cause.subject,
            tenant=cause.tenantid,
            correlation_id=cause.correlationid,
            causation_id=cause.id,
            now=self._clock(),
            event_id=_fact_id(cause, saga_id, data.cause),
        )


def _plan_id(cause: CloudEvent, saga_id: str) -> str:
    return derived_uuid7(parse_rfc3339(cause.time), saga_id, "plan")


def _fact_id(cause: CloudEvent, saga_id: str, why: str) -> str:
    return derived_uuid7(parse_rfc3339(cause.time), saga_id, "plan", why)


def _data(plan: LessonPlan) -> PlanAdapted:
    items = tuple(
        PlannedSyllable(
            hanzi=item.hanzi,
            pinyin=item.pinyin,
            tone=item.tone,
            due=parse_rfc3339(item.due) if item.due else None,
            reason=item.reason,
        )
        for item in plan.items
    )
    return PlanAdapted(plan_id=plan.plan_id, version=plan.version, focus_tones=plan.focus_tones, items=items)


def _undone() -> Conflict:
    return Conflict("The saga that asks for this plan was undone.", code="saga-undone")
