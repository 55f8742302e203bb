"""Every version ever published is read for ever: older data is brought up to the newest version of its type."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from shared_code.domain.events.catalogue import CATALOGUE, EventType
from shared_code.domain.events.envelope import CloudEvent

_NAME = re.compile(r"(.+)\.v([1-9][0-9]*)")


class Versions:
    """The versions of all types. Each but the newest has an `upcast`, from its data to the next version's.

    ValueError for a catalogue with a gap, or without an upcast where one is needed: found when it is loaded.
    """

    def __init__(self, types: Sequence[EventType]) -> None:
        self._types = {each.name: each for each in types}
        self._newest: dict[str, EventType] = {}
        for kind in types:
            following = self._following(kind)
            if (following is None) == (kind.upcast is not None):
                raise ValueError(f"{kind.name} needs an upcast exactly where there is a later version")
            if self._number(kind) > 1 and self._at(kind, self._number(kind) - 1) is None:
                raise ValueError(f"there is no version before {kind.name}")
            if following is None:
                self._newest[self._family(kind)] = kind

    def newest(self, kind: EventType) -> EventType:
        """The newest version of a type."""
        return self._newest[self._family(kind)]

    def current(self, kind: EventType, data: Struct) -> Struct:
        """Data of a version as its newest version would state it."""
        while kind.upcast is not None:
            data = kind.upcast(data)
            following = self._following(kind)
            assert following is not None
            kind = following
        return data

    def read(self, event: CloudEvent) -> Struct:
        """A stored event's data as its newest version would state it. KeyError for a type that is not known here."""
        kind = self._types[event.type]
        return self.current(kind, msgspec.convert(event.data, kind.data))

    def carries(self, event: CloudEvent, model: type[Struct]) -> bool:
        """Whether `read` gives this model."""
        kind = self._types.get(event.type)
        return kind is not None and self.newest(kind).data is model

    def _following(self, kind: EventType) -> EventType | None:
        return self._at(kind, self._number(kind) + 1)

    def _at(self, kind: EventType, number: int) -> EventType | None:
        return self._types.get(f"{self._family(kind)}.v{number}")

    def _family(self, kind: EventType) -> str:
        return _parts(kind.name)[0]

    def _number(self, kind: EventType) -> int:
        return int(_parts(kind.name)[1])


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} does not end in its version")
    return found[1], found[2]


VERSIONS = Versions(CATALOGUE)
