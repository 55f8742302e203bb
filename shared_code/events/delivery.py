"""Why an event comes to a subscriber, where it is not for the first time."""

from __future__ import annotations

from msgspec import Struct

from shared_code.events.message import IncomingMessage, Property

REDRIVEN, REPLAY, QUIET = "redriven", "replay", "quiet"


class Delivery(Struct, frozen=True):
    """`redriven` counts how often it came out of the dead letters, `replay` names the replay that it belongs to.

    `quiet` asks for no effects outside of our own data.
    """

    redriven: int = 0
    replay: str = ""
    quiet: bool = False

    def properties(self) -> dict[str, Property]:
        """As application properties of a message."""
        return {REDRIVEN: self.redriven, REPLAY: self.replay, QUIET: self.quiet}


FIRST_TIME = Delivery()


def delivery_of(message: IncomingMessage) -> Delivery:
    """What the properties of a message of ours say. Not for messages of topics, which anybody may write."""
    found = message.properties
    redriven = found.get(REDRIVEN)
    return Delivery(
        redriven=redriven if isinstance(redriven, int) else 0,
        replay=str(found.get(REPLAY) or ""),
        quiet=bool(found.get(QUIET)),
    )
