"""Microsoft's emulator's `Config.json`, read strictly: an unknown name or an unsupported feature stops the start.

Format: learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator. Shorter times than the
emulator allows are accepted, for tests.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from local.servicebus.broker.filters import CorrelationFilter

MILLISECOND = timedelta(milliseconds=1)
_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_Name = Annotated[str, msgspec.Meta(pattern=f"^{_SEGMENT}(?:/{_SEGMENT})*$")]


class ConfigError(ValueError):
    """A configuration that cannot be served, and why."""


class _Strict(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    pass


class DeliveryRules(_Strict):
    """How a subscription hands messages out."""

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


class QueueRules(DeliveryRules):
    """How a queue takes messages in and hands them out."""

    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: timedelta = timedelta(seconds=20)


class TopicRules(_Strict):
    """How a topic takes messages in."""

    default_message_time_to_live: timedelta = timedelta(hours=1)
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: timedelta = timedelta(seconds=20)


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
    properties: DeliveryRules = msgspec.field(default_factory=DeliveryRules)
    rules: list[_Rule] = []


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


class _Config(_Strict):
    user_config: _UserConfig


def load_config(source: Path | bytes) -> Namespace:
    """The one namespace of a configuration file. Raises ConfigError with the place and the reason."""
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        [namespace] = msgspec.json.decode(data, type=_Config).user_config.namespaces
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{error} (only correlation filters and no forwarding: amqp:not-implemented)") from None
    names = [queue.name for queue in namespace.queues] + [topic.name for topic in namespace.topics]
    names += [f"{topic.name}/{sub.name}" for topic in namespace.topics for sub in topic.subscriptions]
    if twice := [name for name, count in Counter(map(str.lower, names)).items() if count > 1]:
        raise ConfigError(f"given twice: {twice}")
    return namespace


def duplicate_window(rules: DeliveryRules | TopicRules) -> int | None:
    """How long an entity remembers message ids, in ms; None: not at all."""
    if isinstance(rules, QueueRules | TopicRules) and rules.requires_duplicate_detection:
        return rules.duplicate_detection_history_time_window // MILLISECOND
    return None
