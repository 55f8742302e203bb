"""What of an event is personal, said by the models' fields, and the event without it.

A field that holds a learner's words, or names a learner, carries `extra={"erased": …}` in its Meta: the value that
takes its place once the learner is erased. It fits the schema, so an erased event is still an event, and folds go on.
What a model does not know may be anything that another system wrote: it counts as personal and is left out.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, inspect
from msgspec.structs import replace

from shared_code.domain.events.catalogue import find
from shared_code.domain.events.envelope import CloudEvent

ERASED = "erased"


def is_personal(event: CloudEvent) -> bool:
    """Whether an event is about a learner; one of a type that is not known here counts as such."""
    kind = find(event.type)
    return kind is None or kind.about == "learner"


def without_personal(event: CloudEvent) -> CloudEvent:
    """The event as it is after its learner was erased: it still fits its schema, and says nothing about anybody."""
    kind = find(event.type)
    data = _cleaned(_plan(kind.data), event.data) if kind is not None else {}
    return replace(event, subject=ERASED, source=event.source if kind is not None else ERASED, data=data)


class _Place:
    """What becomes of one place: `erased` takes its place, or its parts are looked at."""

    __slots__ = ("erased", "item", "members")

    def __init__(self, erased: Any = None, item: _Place | None = None, members: dict[str, _Place] | None = None):
        self.erased = erased
        self.item = item
        self.members = members


_KEPT = _Place()


@cache
def _plan(model: type[Struct]) -> _Place:
    return _place(inspect.type_info(model))


def _place(info: inspect.Type) -> _Place:
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            return _Place(erased=extra["erased"]) if extra and "erased" in extra else _place(inner)
        case inspect.StructType(fields=fields):
            return _Place(members={field.encode_name: _place(field.type) for field in fields})
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return _Place(item=_place(item))
        case inspect.UnionType(types=types):
            told = [place for each in types if (place := _place(each)) is not _KEPT]
            return told[0] if told else _KEPT
    return _KEPT


def _cleaned(place: _Place, value: Any) -> Any:
    if value is None or place is _KEPT:
        return value
    if place.members is not None:
        known = place.members
        return {name: _cleaned(known[name], member) for name, member in value.items() if name in known}
    if place.item is not None:
        return [_cleaned(place.item, each) for each in value]
    return msgspec.to_builtins(place.erased)
