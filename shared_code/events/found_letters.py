"""Letters in the queue that nobody has written down: other systems put them there, with as much as they say of them.

Table `deadletterqueue`: one row, up to which number of the queue it was looked through. Every hour it is looked through
from its beginning, as numbers start anew when somebody makes the queue anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, get_args

from msgspec.structs import replace

from shared_code.domain.clock import Clock, parse_rfc3339, rfc3339
from shared_code.domain.errors import Unavailable
from shared_code.domain.identifiers import uuid7
from shared_code.events.bus import Bus
from shared_code.events.dead_letter_queue import DeadLetterQueue
from shared_code.events.dead_letters import LONGEST_DESCRIPTION, QUEUE, DeadLetters
from shared_code.events.hints import members, subject_of, tenant_of, text
from shared_code.events.letter import Letter, Reason, Summary
from shared_code.events.letters import Letters
from shared_code.events.message import CONTENT_TYPE, IncomingMessage
from shared_code.events.queue_browser import QueueBrowser, browsing
from shared_code.storage.rows import Row
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.tables import Tables

log = logging.getLogger(__name__)

AT_ONCE = 20  # letters that are looked up beside one another
PAGES = 20  # of one look; the next one goes on
FROM_THE_START = timedelta(hours=1)
LONGEST_ID = 128  # what Service Bus takes
_PLACE = ("queue", "looked-through")


class FoundLetters:
    """`pseudonym(tenant, subject)` is whom a letter is about. All methods may run again. They raise Unavailable."""

    def __init__(
        self,
        *,
        bus: Bus,
        tables: Tables,
        letters: Letters,
        dead_letters: DeadLetters,
        queue: DeadLetterQueue,
        keys: LearnerKeys,
        pseudonym: Callable[[str, str], str],
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._table = tables.table("deadletterqueue")
        self._letters = letters
        self._dead_letters = dead_letters
        self._queue = queue
        self._keys = keys
        self._pseudonym = pseudonym
        self._clock = clock

    async def look(self) -> int:
        """Write down what has come since the last look and nobody has written down; how many."""
        first, started_at = await self._place()
        found = 0
        async with browsing(self._bus, QUEUE) as browser:
            for _ in range(PAGES):
                page = await browser.page(first)
                if not page:
                    break
                gate = asyncio.Semaphore(AT_ONCE)
                found += sum(await asyncio.gather(*(self._look_at(message, browser, gate) for message in page)))
                first = page[-1].sequence + 1
                await self._table.put(Row(*_PLACE, {"first": first, "started_at": rfc3339(started_at)}))
        if found:
            log.info("dead_letters.found", extra={"letters": found})
        return found

    async def start_over(self) -> None:
        """Have the next look begin at the beginning: letters were struck off that may lie there still."""
        await self._table.delete(*_PLACE)

    async def put_back(self, message: IncomingMessage) -> None:
        """Send a letter that died in the queue itself there again: who received it gave it back too often.

        Under another message id, as the queue may drop the one that it knows; the list has the letter under that one.
        """
        died = self.read(message)
        if await self._keys.erased_since(died.summary.learner, message.enqueued_at):
            return
        message_id = _next_id(died.summary.message_id)
        tenant, topic = died.summary.tenant, died.summary.topic
        letter = await self._letters.by_message(tenant, topic, died.summary.message_id)
        if letter is not None:
            letter = await self._letters.rename(letter, message_id)
        else:
            letter = await self._letters.by_message(tenant, topic, message_id)  # renamed before a crash
        if letter is None:
            letter = replace(died, summary=replace(died.summary, message_id=message_id))
            await self._letters.add(letter)
        if not letter.erased:
            await self._dead_letters.post(letter)

    def read(self, message: IncomingMessage) -> Letter:
        """A message of the queue as a letter, as far as it says what the contract asks for."""
        said, found, now = message.properties, members(message.body), self._clock()
        tenant, subject = tenant_of(message, found), subject_of(message, found)
        count = said.get("delivery_count")
        summary = Summary(
            id=uuid7(now),
            tenant=tenant,
            learner=self._pseudonym(tenant, subject),
            message_id=message.message_id or f"sequence:{message.sequence}",
            event_id=text(found, "id") or message.message_id.partition(":")[0],
            type=text(found, "type"),
            reason=_reason(said.get("DeadLetterReason")),
            topic=text(said, "topic"),
            subscriber=text(said, "subscription"),
            delivery_count=count if isinstance(count, int) else message.delivery_count,
            failed_at=min(_moment(said.get("failed_at")) or message.enqueued_at or now, now),
            correlation_id=text(said, "correlationid") or text(found, "correlationid"),
            redriven=0,
            edited=0,
            size=len(message.body),
        )
        return Letter(
            summary=summary,
            session_id=message.session_id,
            description=str(said.get("DeadLetterErrorDescription") or "")[:LONGEST_DESCRIPTION],
            content_type=message.content_type or CONTENT_TYPE,
            body=message.body,
        )

    async def _look_at(self, message: IncomingMessage, browser: QueueBrowser, gate: asyncio.Semaphore) -> bool:
        """Whether it was not known.

        A letter of ours is written down before it is sent and struck off after it is taken out: what is not written
        down, and there still, is somebody else's. Of a learner who was erased since, it is taken out.
        """
        async with gate:
            letter = self.read(message)
            if await self._letters.known(letter.summary) or not await browser.has(message.sequence):
                return False
            if await self._keys.erased_since(letter.summary.learner, message.enqueued_at):
                with suppress(Unavailable):  # somebody holds its session: the next look from the start finds it
                    await self._queue.take([letter])
                return False
            await self._letters.add(letter)
            return True

    async def _place(self) -> tuple[int, datetime]:
        row, now = await self._table.get(*_PLACE), self._clock()
        if row is not None:
            started_at = parse_rfc3339(str(row.values["started_at"]))
            if now - started_at < FROM_THE_START:
                return int(row.values["first"]), started_at
        return 1, now


def _next_id(message_id: str) -> str:
    """Another id that follows from this one."""
    following = f"{message_id}:back"
    return following if len(following) <= LONGEST_ID else hashlib.sha256(message_id.encode()).hexdigest()


def _reason(said: Any) -> Reason:
    if said == "MaxDeliveryCountExceeded":
        return "max-delivery-count"
    return said if said in get_args(Reason) else "unknown"


def _moment(said: Any) -> datetime | None:
    try:
        return parse_rfc3339(said) if isinstance(said, str) else None
    except ValueError:
        return None
