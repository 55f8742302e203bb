"""What changed in the learning content."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared_code.domain.events.fields import HskLevel, Identifier, Moment, Slug

ContentKind = Literal["lesson", "dialogue", "vocabulary", "pronunciation", "grammar", "story"]


class ContentUpdated(Struct, frozen=True, kw_only=True):
    """A content item, the event's subject, was published, revised or withdrawn. Required: the first three.

    `version` counts the item's own revisions; `changed` names the parts that differ from the revision before.
    """

    content_id: Identifier
    version: Annotated[int, Meta(ge=1)]
    change: Literal["published", "revised", "withdrawn"]
    kind: ContentKind | None = None
    hsk_level: HskLevel | None = None
    changed: Annotated[tuple[Slug, ...], Meta(max_length=50)] = ()
    effective_at: Moment | None = None
