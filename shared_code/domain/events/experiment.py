"""Experiments on content and teaching, and who saw which variant."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Identifier, Moment, Share, Slug

ExperimentStatus = Literal["draft", "running", "paused", "concluded"]


class Variant(Struct, frozen=True, kw_only=True):
    """One arm of an experiment and the share of learners who get it."""

    name: Slug
    share: Share


class ExperimentChanged(Struct, frozen=True, kw_only=True):
    """An experiment, the event's subject, started, stopped or changed. Required: the first three.

    `salt` is what assignment hashes with the learner: a new salt deals everyone anew.
    """

    experiment_id: Identifier
    status: ExperimentStatus
    variants: Annotated[tuple[Variant, ...], Meta(min_length=1, max_length=20)]
    salt: Identifier | None = None
    winner: Slug | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class ExperimentExposed(Struct, frozen=True, kw_only=True):
    """A learner met a variant for the first time in `surface`. Required: the first two."""

    experiment_id: Identifier
    variant: Slug
    surface: Slug | None = None
    session_id: Identifier | None = None
