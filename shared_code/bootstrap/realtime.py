"""What reaches a learner's screen: the channel's log and SignalR."""

from __future__ import annotations

from msgspec import Struct

from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.realtime.channel import Channel
from shared_code.realtime.signalr import SignalRService, entra_bearer, key_bearer, parse_connection_string
from shared_code.settings import Settings


class Realtime(Struct, frozen=True, kw_only=True):
    """A message is numbered in its channel first, then pushed."""

    channel: Channel
    signalr: SignalRService


def build_realtime(settings: Settings, storage: Storage) -> Realtime:
    """The realtime of these settings."""
    return Realtime(channel=Channel(storage.tables.table("channel"), storage.keys, utc_now), signalr=_signalr(settings))


def _signalr(settings: Settings) -> SignalRService:
    """By a key where a connection string has one, else by the app's identity."""
    if settings.signalr.string:
        endpoint, key = parse_connection_string(settings.signalr.string)
        return SignalRService(endpoint, key_bearer(key))
    return SignalRService(settings.signalr.address, entra_bearer(settings.signalr.client_id))
