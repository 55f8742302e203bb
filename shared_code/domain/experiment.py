"""Experiments: who gets which variant. A pure function of the experiment and the learner."""

from __future__ import annotations

import hashlib
from datetime import datetime

from msgspec import Struct

from shared_code.domain.events.experiment import ExperimentStatus, Variant


class Experiment(Struct, frozen=True, kw_only=True):
    """An experiment as it stands. `version` counts its changes; `salt` is hashed with the learner.

    The shares of its variants add up to 1 at most; learners whom they leave over take no part.
    """

    experiment_id: str
    version: int
    status: ExperimentStatus
    variants: tuple[Variant, ...]
    salt: str
    winner: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def variant_of(self, person: str, now: datetime) -> str | None:
        """The variant that a learner (a pseudonym) gets now; None outside the experiment or its time.

        The same learner gets the same variant as long as salt and shares stay. After the experiment its winner is
        everybody's.
        """
        if self.status == "concluded":
            return self.winner
        if self.status != "running" or not self._is_on(now):
            return None
        place = _place(self.salt, self.experiment_id, person)
        for variant in self.variants:
            place -= variant.share
            if place < 0:
                return variant.name
        return None

    def _is_on(self, now: datetime) -> bool:
        return (self.starts_at is None or now >= self.starts_at) and (self.ends_at is None or now < self.ends_at)


def _place(salt: str, experiment_id: str, person: str) -> float:
    """From 0 up to but without 1, evenly over learners and independent between experiments."""
    digest = hashlib.blake2b(f"{salt}\0{experiment_id}\0{person}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53
