"""Microsoft's emulator's `Config.json`, read strictly: an unknown name or an unsupported feature stops the start.

Format: learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator. Shorter times than the
emulator allows are accepted, for tests.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from local.servicebus.amqp.message import Message

MILLISECOND = timedelta(milliseconds=1)
_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_Name = Annotated[str, msgspec.Meta(pattern=f"^{_SEGMENT}(?:/{_SEGMENT})*$")]
_FILTERED = (0, 2, 3, 4, 5, 6, 10, 12)  # positions in a message's properties of what a filter asks for, in its order


class _Strict(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    pass


class TopicRules(_Strict):
    """How a topic takes messages in."""

    default_message_time_to_live: timedelta = timedelta(hours=1)
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: timedelta = timedelta(seconds=20)


class QueueRules(TopicRules):
    """How a queue takes messages in and hands them out. A subscription has no say in what its topic takes."""

    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    forward_to: Literal[""] = ""
    forward_dead_lettered_messages_to: Literal[""] = ""

    def __post_init__(self) -> None:
        if self.lock_duration < timedelta(seconds=1):
            raise ValueError("LockDuration is at least one second")


class CorrelationFilter(_Strict):
    """Lets messages through whose fields are equal to all that are given here."""

    message_id: str | None = None
    to: str | None = None
    label: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    session_id: str | None = None
    reply_to_session_id: str | None = None
    properties: dict[str, Any] = {}

    def matches(self, message: Message) -> bool:
        """Strings are compared with case, numbers by value, and nothing equals a value of another kind."""
        for name, position in zip(self.__struct_fields__, _FILTERED, strict=False):
            if getattr(self, name) not in (None, message.properties[position]):
                return False
        own = message.application_properties() if self.properties else {}
        for name, wanted in self.properties.items():
            if name not in own or own[name] != wanted or isinstance(own[name], bool) != isinstance(wanted, bool):
                return False  # to Python, True equals 1
        return True


class _Filter(_Strict):
    filter_type: Literal["Correlation"]
    correlation_filter: CorrelationFilter


class _Rule(_Strict):
    name: str
    properties: _Filter


class _Queue(_Strict):
    name: _Name
    properties: QueueRules = msgspec.field(default_factory=QueueRules)


class _Subscription(_Strict):
    name: _Name
    properties: QueueRules = msgspec.field(default_factory=QueueRules)
    rules: list[_Rule] = []

    def __post_init__(self) -> None:
        if self.properties.requires_duplicate_detection:
            raise ValueError("RequiresDuplicateDetection is for queues and topics")


class _Topic(_Strict):
    name: _Name
    subscriptions: list[_Subscription]
    properties: TopicRules = msgspec.field(default_factory=TopicRules)


class Namespace(_Strict):
    """The entities that are served."""

    name: str
    queues: list[_Queue]
    topics: list[_Topic]


class _UserConfig(_Strict):
    namespaces: Annotated[list[Namespace], msgspec.Meta(min_length=1, max_length=1)]
    logging: dict[str, str]


def load_config(source: Path | bytes) -> Namespace:
    """The one namespace of a configuration file. Raises OSError, or ValueError with the place and the reason."""
    data = source.read_bytes() if isinstance(source, Path) else source
    try:
        return msgspec.json.decode(data, type=dict[Literal["UserConfig"], _UserConfig])["UserConfig"].namespaces[0]
    except (KeyError, msgspec.MsgspecError) as error:
        raise ValueError(f"{error} (only correlation filters and no forwarding: amqp:not-implemented)") from None
