"""Microsoft's emulator's `Config.json`, read strictly: an unknown name or an unsupported feature stops the start.

Format: learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator. Shorter times than the
emulator allows are accepted, for tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from local.servicebus.broker.filters import SYSTEM_PROPERTIES, CorrelationFilter

_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_PATH = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*")


class ConfigError(Exception):
    """A configuration that cannot be served, and why."""


class _Strict(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    pass


class _QueueProperties(_Strict):
    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: Annotated[int, msgspec.Meta(ge=1)] = 3
    default_message_time_to_live: timedelta = timedelta(hours=1)
    dead_lettering_on_message_expiration: bool = False
    requires_session: bool = False
    forward_to: Literal[""] = ""
    forward_dead_lettered_messages_to: Literal[""] = ""

    def __post_init__(self) -> None:
        if self.lock_duration < timedelta(seconds=1):
            raise ValueError("LockDuration is at least one second")


class _QueueWithWindow(_QueueProperties):
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: timedelta = timedelta(seconds=20)


class _TopicProperties(_Strict):
    default_message_time_to_live: timedelta = timedelta(hours=1)
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: timedelta = timedelta(seconds=20)


class _Correlation(_Strict):
    content_type: str | None = None
    correlation_id: str | None = None
    label: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    session_id: str | None = None
    to: str | None = None
    properties: dict[str, Any] = {}


class _RuleProperties(_Strict):
    filter_type: Literal["Correlation"]
    correlation_filter: _Correlation


class _Rule(_Strict):
    name: str
    properties: _RuleProperties


class QueueConfig(_Strict):
    """A queue."""

    name: str
    properties: _QueueWithWindow = msgspec.field(default_factory=_QueueWithWindow)


class SubscriptionConfig(_Strict):
    """A topic's subscription."""

    name: str
    properties: _QueueProperties = msgspec.field(default_factory=_QueueProperties)
    rules: list[_Rule] = []

    def filters(self) -> list[CorrelationFilter]:
        """Its rules; none given means that every message is wanted."""
        wanted = [rule.properties.correlation_filter for rule in self.rules] or [_Correlation()]
        return [CorrelationFilter(dict(_system(each)), each.properties) for each in wanted]


class TopicConfig(_Strict):
    """A topic."""

    name: str
    subscriptions: list[SubscriptionConfig]
    properties: _TopicProperties = msgspec.field(default_factory=_TopicProperties)


class Namespace(_Strict):
    """The entities that are served."""

    name: str
    queues: list[QueueConfig]
    topics: list[TopicConfig]


class _UserConfig(_Strict):
    namespaces: list[Namespace]
    logging: dict[str, str]


class _Config(_Strict):
    user_config: _UserConfig


def load_config(source: Path | bytes) -> Namespace:
    """The one namespace of a configuration file. Raises ConfigError with the place and the reason."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        namespaces = msgspec.json.decode(data, type=_Config).user_config.namespaces
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{error} (only correlation filters and no forwarding: amqp:not-implemented)") from None
    if len(namespaces) != 1:
        raise ConfigError("UserConfig.Namespaces: exactly one namespace is served")
    [namespace] = namespaces
    names = [queue.name for queue in namespace.queues] + [topic.name for topic in namespace.topics]
    names += [f"{topic.name}/{sub.name}" for topic in namespace.topics for sub in topic.subscriptions]
    if wrong := [name for name in names if not _PATH.fullmatch(name)]:
        raise ConfigError(f"no names for entities: {wrong}")
    if twice := [name for name in names if [other.lower() for other in names].count(name.lower()) > 1]:
        raise ConfigError(f"given twice: {twice}")
    return namespace


def window(properties: _QueueWithWindow | _TopicProperties) -> int | None:
    """How long an entity remembers message ids, in ms; None: not at all."""
    if not properties.requires_duplicate_detection:
        return None
    return milliseconds(properties.duplicate_detection_history_time_window)


def milliseconds(duration: timedelta) -> int:
    """A duration as the broker counts it."""
    return duration // timedelta(milliseconds=1)


def _system(wanted: _Correlation) -> Iterator[tuple[str, str]]:
    for name, value in msgspec.to_builtins(wanted).items():
        if name in SYSTEM_PROPERTIES and value is not None:
            yield name, value
