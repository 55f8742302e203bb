"""The sessions that a learner has opened."""

from __future__ import annotations

import asyncio

import msgspec
from msgspec import Struct

from shared_code.domain.errors import NotFound
from shared_code.domain.events.interaction import SessionStarted
from shared_code.domain.principal import Principal
from shared_code.events.stored import StoredEvent
from shared_code.services.history import History
from shared_code.services.sessions import Sessions, SessionView

STARTED = "sayzhong.session.started.v1"


class SessionPage(Struct, frozen=True, kw_only=True):
    """Sessions, the latest first; `before` asks for earlier ones, null where there are none."""

    sessions: tuple[SessionView, ...]
    before: int | None


class PastSessions:
    """Finds them in the learner's own stream, and shows each as it stands now."""

    def __init__(self, history: History, sessions: Sessions) -> None:
        self._history = history
        self._sessions = sessions

    async def page(self, caller: Principal, *, before: int | None, limit: int) -> SessionPage:
        """A page of the sessions that the caller has opened."""
        past = await self._history.page(caller.pseudonym, STARTED, before=before, limit=limit)
        found = await asyncio.gather(*(self._view(each, caller) for each in past.events))
        return SessionPage(sessions=tuple(each for each in found if each is not None), before=past.before)

    async def _view(self, stored: StoredEvent, caller: Principal) -> SessionView | None:
        """None for what another system says of a session that is not here."""
        data = msgspec.convert(stored.event.data, SessionStarted)
        try:
            return self._sessions.view(await self._sessions.joined(data.session_id, caller))
        except NotFound:
            return None
