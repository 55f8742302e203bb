"""What the app needs to answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from shared_code.bootstrap.events import Events
from shared_code.bootstrap.realtime import Realtime
from shared_code.bootstrap.storage import Storage
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.observability.health import Check, Readiness
from shared_code.storage.tables import Tables


def build_readiness(
    storage: Storage, events: Events, realtime: Realtime, issuers: Mapping[str, IssuerKeys]
) -> Readiness:
    """A check for each of them, under the name that the readiness report gives it."""
    checks: dict[str, Check] = {
        "storage": partial(_storage_answers, storage.tables),
        "service-bus": events.bus.answers,
        "realtime": realtime.signalr.healthy,
        **{f"identity {issuer}": keys.healthy for issuer, keys in issuers.items()},
    }
    return Readiness(checks)


async def _storage_answers(tables: Tables) -> bool:
    await tables.table("events").get("health", "head")
    return True
