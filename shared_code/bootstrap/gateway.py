"""The API gateway over our services: whose tokens count, where its state is shared."""

from __future__ import annotations

from collections.abc import Mapping

from shared_code.bootstrap.events import Events
from shared_code.bootstrap.operations import Operations
from shared_code.bootstrap.services import Services
from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.gateway import assembly
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.services.guests import GuestProgress
from shared_code.settings import Settings
from shared_code.storage.redis_connections import RedisConnections
from shared_code.storage.redis_state import RedisState
from shared_code.storage.shared_state import TableState


def build_gateway(
    settings: Settings,
    storage: Storage,
    events: Events,
    services: Services,
    operations: Operations,
    issuers: Mapping[str, IssuerKeys],
) -> Gateway:
    """The gateway of these settings. Redis shares breakers and limits where it is configured.

    Without it breakers are shared through a table, and each process counts its limits by itself.
    """
    redis = RedisConnections(settings.redis.url, settings.redis.client_id) if settings.redis.url else None
    return assembly.build_gateway(
        settings.gateway,
        keys=issuers,
        services=services.learning.in_process(),
        state=TableState(storage.tables.table("gateway")),
        breaker_state=RedisState(redis) if redis else None,
        redis=redis,
        record=storage.lake.write,
        trail=operations.actions,
        clock=utc_now,
        adopt=GuestProgress(events.store, services.progress).adopt,
    )
