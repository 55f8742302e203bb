"""What learners have consented to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Slug

Grants = Annotated[dict[Slug, bool], Meta(max_length=50, description="Whether each subscriber may have such data.")]


class ConsentChanged(Struct, frozen=True, kw_only=True):
    """A learner granted or withdrew consents. Required: `version`, which counts the learner's changes.

    What is not named here is as it was before.
    """

    version: Annotated[int, Meta(ge=1)]
    voice: Grants = {}
    experiment: Grants = {}
