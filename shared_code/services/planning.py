"""The planning service: what a learner practises next."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from shared_code.domain.clock import Clock, parse_rfc3339
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.planning import PlanAdapted, PlannedSyllable
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.learning.analysis import Analysis
from shared_code.domain.learning.plan import LessonPlan, adapt
from shared_code.domain.learning.progress import Progress
from shared_code.events.journal import Journal
from shared_code.storage.documents import Documents

REMEMBERED = 20  # plans; a saga that runs again finds its own among them
UNDONE = 200  # sagas that were undone, so that a step of theirs that comes late does nothing


class PlanRecord(Struct, kw_only=True):
    """A learner's plans, the latest last, those that compensated sagas took back, and the ids of all such sagas."""

    versions: int = 0
    plans: list[LessonPlan] = field(default_factory=list)
    withdrawn: list[LessonPlan] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)


class PlanningService:
    """One document a learner. Each adaptation is a fact in the learner's stream."""

    def __init__(
        self, plans: Documents[PlanRecord], progress: Documents[Progress], journal: Journal, clock: Clock
    ) -> None:
        self._plans = plans
        self._progress = progress
        self._journal = journal
        self._clock = clock

    async def view(self, person: str) -> LessonPlan:
        """The current plan; NotFound before the first attempt."""
        record = await self._plans.load(person)
        if not record.plans:
            raise NotFound("There is no plan yet: practise first.")
        return record.plans[-1]

    async def forget(self, person: str) -> None:
        """Delete a learner's plans."""
        await self._plans.delete(person)

    async def made_by(self, person: str, saga_id: str) -> LessonPlan | None:
        """The plan that a saga made; None where it is long superseded, taken back, or its learner erased."""
        return _of((await self._plans.load(person)).plans, saga_id)

    async def adapt(self, person: str, cause: CloudEvent, analysis: Analysis, saga_id: str) -> LessonPlan:
        """Plan the next lesson for a saga. A second run finds the first one's plan and states no second fact.

        Steps run at least once, and may be overtaken by their undo: Conflict for a saga that was undone meanwhile.
        """
        progress = await self._progress.load(person)
        now = self._clock()

        async def adapted(record: PlanRecord) -> PlanRecord:
            if saga_id in record.undone:
                raise Conflict("The saga that asks for this plan was undone.", code="saga-undone")
            if _of(record.plans, saga_id) is None:
                record.versions += 1
                plan = adapt(progress, analysis, version=record.versions, saga_id=saga_id, now=now)
                record.plans = [*record.plans, plan][-REMEMBERED:]
            return record

        plan = _of((await self._plans.change(person, adapted)).plans, saga_id)
        assert plan is not None
        await self._journal.record(person, [_fact(plan, cause, now, "progress")])
        return plan

    async def restore(self, person: str, cause: CloudEvent, saga_id: str) -> None:
        """Take a saga's plan back, if it made one: the one before it, or a later one, is the current plan then.

        Both facts are stated, the plan's own first: a step that stood still before it stated that finds it stated.
        """

        async def restored(record: PlanRecord) -> PlanRecord:
            plan = _of(record.plans, saga_id)
            if plan is not None:
                record.plans.remove(plan)
                record.withdrawn = [*record.withdrawn, plan][-REMEMBERED:]
            if saga_id not in record.undone:
                record.undone = [*record.undone, saga_id][-UNDONE:]
            return record

        plan = _of((await self._plans.change(person, restored)).withdrawn, saga_id)
        if plan is not None:
            now = self._clock()
            await self._journal.record(person, [_fact(plan, cause, now, why) for why in ("progress", "withdrawn")])


def _of(plans: list[LessonPlan], saga_id: str) -> LessonPlan | None:
    return next((plan for plan in plans if plan.saga_id == saga_id), None)


def _fact(plan: LessonPlan, cause: CloudEvent, now: datetime, why: str) -> CloudEvent:
    plan_id = derived_uuid7(parse_rfc3339(cause.time), plan.saga_id, "plan")
    data = PlanAdapted(
        plan_id=plan_id,
        version=plan.version,
        cause=why,  # type: ignore[arg-type]
        focus_tones=plan.focus_tones,
        items=tuple(
            PlannedSyllable(
                hanzi=item.hanzi,
                pinyin=item.pinyin,
                tone=item.tone,
                due=parse_rfc3339(item.due) if item.due else None,
                reason=item.reason,
            )
            for item in plan.items
        ),
    )
    return event_of(
        data,
        subject=cause.subject,
        tenant=cause.tenantid,
        correlation_id=cause.correlationid,
        causation_id=cause.id,
        now=now,
        event_id=derived_uuid7(parse_rfc3339(cause.time), plan.saga_id, "plan", why),
    )
