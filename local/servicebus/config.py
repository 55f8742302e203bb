"""Microsoft's emulator's `Config.json`, read strictly: an unknown name or an unsupported feature stops the start.

Format: learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator. Shorter times than the
emulator allows are accepted, for tests.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from local.servicebus.broker.filters import CorrelationFilter

_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_PATH = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*")


class ConfigError(Exception):
    """A configuration that cannot be served, and why."""


class Milliseconds(int):
    """A duration; in the file it is written as ISO 8601 has it."""


class _Strict(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    pass


class SubscriptionProperties(_Strict):
    """How a subscription hands messages out."""

    lock_duration: Milliseconds = Milliseconds(60_000)
    max_delivery_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    default_message_time_to_live: Milliseconds = Milliseconds(3_600_000)
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    forward_to: Literal[""] = ""
    forward_dead_lettered_messages_to: Literal[""] = ""

    def __post_init__(self) -> None:
        if self.lock_duration < 1000:
            raise ValueError("LockDuration is at least one second")


class QueueProperties(SubscriptionProperties):
    """How a queue takes messages in and hands them out."""

    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: Milliseconds = Milliseconds(20_000)


class TopicProperties(_Strict):
    """How a topic takes messages in."""

    default_message_time_to_live: Milliseconds = Milliseconds(3_600_000)
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: Milliseconds = Milliseconds(20_000)


class _RuleProperties(_Strict):
    filter_type: Literal["Correlation"]
    correlation_filter: CorrelationFilter


class _Rule(_Strict):
    name: str
    properties: _RuleProperties


class QueueConfig(_Strict):
    """A queue."""

    name: str
    properties: QueueProperties = msgspec.field(default_factory=QueueProperties)


class SubscriptionConfig(_Strict):
    """A topic's subscription."""

    name: str
    properties: SubscriptionProperties = msgspec.field(default_factory=SubscriptionProperties)
    rules: list[_Rule] = []

    def filters(self) -> list[CorrelationFilter]:
        """Its rules; none given means that every message is wanted."""
        return [rule.properties.correlation_filter for rule in self.rules] or [CorrelationFilter()]


class TopicConfig(_Strict):
    """A topic."""

    name: str
    subscriptions: list[SubscriptionConfig]
    properties: TopicProperties = msgspec.field(default_factory=TopicProperties)


class Namespace(_Strict):
    """The entities that are served."""

    name: str
    queues: list[QueueConfig]
    topics: list[TopicConfig]


class _UserConfig(_Strict):
    namespaces: Annotated[list[Namespace], msgspec.Meta(min_length=1, max_length=1)]
    logging: dict[str, str]


class _Config(_Strict):
    user_config: _UserConfig


def load_config(source: Path | bytes) -> Namespace:
    """The one namespace of a configuration file. Raises ConfigError with the place and the reason."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        [namespace] = msgspec.json.decode(data, type=_Config, dec_hook=_duration).user_config.namespaces
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{error} (only correlation filters and no forwarding: amqp:not-implemented)") from None
    names = [queue.name for queue in namespace.queues] + [topic.name for topic in namespace.topics]
    names += [f"{topic.name}/{sub.name}" for topic in namespace.topics for sub in topic.subscriptions]
    if wrong := [name for name in names if not _PATH.fullmatch(name)]:
        raise ConfigError(f"no names for entities: {wrong}")
    if twice := [name for name in names if [other.lower() for other in names].count(name.lower()) > 1]:
        raise ConfigError(f"given twice: {twice}")
    return namespace


def _duration(kind: type, written: Any) -> Any:
    try:
        return kind(msgspec.convert(written, timedelta) // timedelta(milliseconds=1))
    except msgspec.ValidationError as error:
        raise ValueError(error) from None  # msgspec adds the place to this one


def duplicate_window(properties: SubscriptionProperties | TopicProperties) -> int | None:
    """How long an entity remembers message ids, in ms; None: not at all."""
    if isinstance(properties, QueueProperties | TopicProperties) and properties.requires_duplicate_detection:
        return properties.duplicate_detection_history_time_window
    return None
