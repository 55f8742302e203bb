"""The experiments service: who gets which variant, and who has met one."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, NotFound
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.experiment import ExperimentChanged, ExperimentExposed
from shared_code.domain.experiment import Experiment
from shared_code.domain.identifiers import derived_uuid7
from shared_code.domain.principal import Principal
from shared_code.events.journal import Journal
from shared_code.services.announced import Announced, moved_on

EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")  # of ids that must not depend on when a request came


class Assignment(Struct, frozen=True, kw_only=True):
    """The variant that the caller gets; null outside the experiment."""

    experiment_id: str
    variant: str | None


class Exposure(Struct, frozen=True, kw_only=True):
    """When the caller first met its variant, and where."""

    experiment_id: str
    variant: str
    surface: str | None
    exposed_at: str


class ExperimentsService:
    """Experiments are kept and announced; an exposure is a fact in the learner's stream, stated once."""

    def __init__(self, experiments: Announced[Experiment], journal: Journal, clock: Clock) -> None:
        self._experiments = experiments
        self._journal = journal
        self._clock = clock

    async def all(self) -> list[Experiment]:
        """Every experiment, in the order of ids."""
        return [each async for each in self._experiments.all()]

    async def get(self, experiment_id: str) -> Experiment:
        """An experiment as it stands, or NotFound."""
        found = await self._experiments.get(experiment_id)
        if found is None:
            raise NotFound("There is no such experiment.")
        return found

    async def put(
        self, operator: Principal, correlation_id: str, wanted: Experiment, *, expected: int | None
    ) -> tuple[Experiment, bool]:
        """Begin or change an experiment and say whether it is new; `wanted.version` is not looked at.

        Without a salt it keeps the one that it has. One that would stay the same stays. Conflict where it is not at
        the version `expected` (0: not there).
        """
        before = await self._experiments.get(wanted.experiment_id)
        if not wanted.salt:
            wanted = msgspec.structs.replace(wanted, salt=before.salt if before else wanted.experiment_id)
        version = before.version if before else 0
        if expected not in (None, version):
            raise moved_on(version)
        if before is not None and msgspec.structs.replace(wanted, version=version) == before:
            return before, False
        after = msgspec.structs.replace(wanted, version=version + 1)
        event = self._changed(operator, correlation_id, after)
        await self._experiments.put(after.experiment_id, after, event, version=after.version)
        return after, before is None

    async def assignments(self, person: str) -> list[Assignment]:
        """The caller's variants in all experiments that it takes part in now."""
        now = self._clock()
        found = [_assigned(each, person, now) for each in await self.all()]
        return [each for each in found if each.variant is not None]

    async def assignment(self, person: str, experiment_id: str) -> Assignment:
        """The caller's variant in one experiment."""
        return _assigned(await self._known(experiment_id), person, self._clock())

    async def expose(
        self, caller: Principal, correlation_id: str, experiment_id: str, *, surface: str | None
    ) -> Exposure:
        """Note that the caller has met its variant; the first time counts. Conflict for who is not in it."""
        experiment = await self._known(experiment_id)
        now = self._clock()
        variant = experiment.variant_of(caller.pseudonym, now)
        if variant is None:
            raise Conflict("The caller takes no part in this experiment now.", code="experiment-not-assigned")
        event = event_of(
            ExperimentExposed(experiment_id=experiment_id, variant=variant, surface=surface),
            subject=caller.id,
            tenant=caller.tenant,
            correlation_id=correlation_id,
            now=now,
            event_id=derived_uuid7(EPOCH, experiment_id, experiment.salt, variant, caller.pseudonym),
        )
        (stored,) = await self._journal.record(caller.pseudonym, [event])
        first = msgspec.convert(stored.event.data, ExperimentExposed)
        return Exposure(
            experiment_id=experiment_id, variant=first.variant, surface=first.surface, exposed_at=stored.event.time
        )

    async def _known(self, experiment_id: str) -> Experiment:
        """For learners, what is still being drafted is not there."""
        experiment = await self.get(experiment_id)
        if experiment.status == "draft":
            raise NotFound("There is no such experiment.")
        return experiment

    def _changed(self, operator: Principal, correlation_id: str, experiment: Experiment) -> CloudEvent:
        now = self._clock()
        return event_of(
            ExperimentChanged(
                experiment_id=experiment.experiment_id,
                status=experiment.status,
                variants=experiment.variants,
                salt=experiment.salt,
                winner=experiment.winner,
                starts_at=experiment.starts_at,
                ends_at=experiment.ends_at,
            ),
            subject=experiment.experiment_id,
            tenant=operator.tenant,
            correlation_id=correlation_id,
            now=now,
            event_id=derived_uuid7(now, experiment.experiment_id, str(experiment.version)),
        )


def _assigned(experiment: Experiment, person: str, now: datetime) -> Assignment:
    return Assignment(experiment_id=experiment.experiment_id, variant=experiment.variant_of(person, now))
