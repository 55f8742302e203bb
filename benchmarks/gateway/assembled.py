"""Our gateway as it runs in the app: real tokens, real storage, a real lake; limits that no benchmark reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial

from shared_code.domain.clock import utc_now
from shared_code.domain.pseudonyms import pseudonym
from shared_code.gateway.assembly import build_gateway
from shared_code.gateway.config import GatewayConfig
from shared_code.gateway.gateway import Gateway
from shared_code.gateway.http import Request, Response
from shared_code.gateway.identity.discovery import DiscoveredKeys
from shared_code.gateway.identity.keys import IssuerKeys
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.limiting.policies import DEFAULTS, with_changes
from shared_code.services.operator_actions import OperatorActions
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables
from tests.shared_code.gateway.openid import AUDIENCE

SECRET = b"a secret key of thirty-two bytes"
LIMITS = with_changes(f"{name}=100000000/{policy.seconds}" for name, policy in DEFAULTS.items())
ANSWER = {"items": [{"hanzi": "你", "pinyin": "nǐ", "tone": 3, "due": "2026-11-25T12:00:00Z"}] * 3, "next_due": None}


@dataclass(frozen=True)
class Assembled:
    """A gateway and what is to be closed with it."""

    gateway: Gateway
    state: TableState
    lake: Lake
    blobs: Blobs
    tables: Tables
    keys: IssuerKeys
    discovered: DiscoveredKeys

    async def close(self) -> None:
        """Write what waits, and let go of everything."""
        await self.gateway.close()
        await self.keys.close()
        await self.discovered.close()
        await self.lake.close()
        await self.blobs.close()
        await self.tables.close()


async def plain(_: Request) -> Response:
    """What the measured service does: answer a small JSON document."""
    return Response(200, ANSWER)


def assembled(issuer: str, storage: str) -> Assembled:
    """A gateway whose service `bench` runs in this process."""
    config = GatewayConfig(
        issuers=(issuer,),
        audience=(AUDIENCE,),
        secret=SECRET,
        rate_limits=LIMITS,
        service_hosts=("127.0.0.1",),
        service_key=SECRET,
    )
    account = StorageAccount(connection_string=storage)
    tables, blobs = Tables(account), Blobs(account)
    lake, state = Lake(blobs), TableState(tables.table(f"bench{os.getpid()}"))
    discovered = DiscoveredKeys(issuer)
    keys = IssuerKeys(issuer, discovered)
    gateway = build_gateway(
        config,
        keys={issuer: keys},
        services=[InProcessService("bench", [ServiceRoute("GET", "me", plain), ServiceRoute("POST", "me", plain)])],
        state=state,
        record=lake.write,
        trail=OperatorActions(tables.table("actions"), partial(pseudonym, SECRET), utc_now),
        clock=utc_now,
        adopt=_nothing,
    )
    return Assembled(gateway, state, lake, blobs, tables, keys, discovered)


async def _nothing(*_: object) -> None:
    """There are no guests."""
