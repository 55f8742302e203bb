"""A process whose children die: each does the work, as the app does it, until one write later than the one before.

    python -m tests.shared_code.services.dying WORK LEARNER

WORK is `erasure`, which every child takes up where the last one died, or `session`, which every child starts for a
learner of its own: LEARNER-1, LEARNER-2, … Prints after which write each child was killed, and `through` at the end.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
import traceback
from collections import Counter
from datetime import timedelta
from typing import Any

from local.paths import PROJECT
from local.settings_file import load
from shared_code.bootstrap import App, app
from shared_code.domain.errors import NotFound
from shared_code.domain.principal import Principal
from shared_code.events.bus import Bus
from shared_code.services.erasure import Person
from shared_code.storage.blobs import Blobs
from shared_code.storage.tables import Table

TENANT, COLLEAGUE, KEY = "sayzhong", "an", "once"
SLOW = ("azure.data.tables.aio", "azure.storage.blob.aio", "azure.servicebus.aio", "shared_code.storage.transactions")
WRITES = (
    (Table, ("insert", "put", "replace", "delete", "transact")),
    (Blobs, ("put", "delete")),
    (Bus, ("send", "drain")),
)


class Stop:
    """Stands still, and says so, after the first write after which nobody was killed yet.

    `killed` counts those by the names of the writes.
    """

    def __init__(self, killed: Counter[str], pipe: int) -> None:
        self._killed = killed
        self._pipe = pipe
        self._written: Counter[str] = Counter()
        self._never = False

    def install(self) -> None:
        """Count what is written to storage and to the bus."""
        for owner, names in WRITES:
            for name in names:
                self._count(owner, name)

    def never(self) -> None:
        """Go on to the end."""
        self._never = True

    def _count(self, owner: Any, name: str) -> None:
        write = getattr(owner, name)

        async def counted(part: Any, *args: Any, **kwargs: Any) -> Any:
            outcome = await write(part, *args, **kwargs)
            place = f"{getattr(part, 'name', owner.__name__)}.{name}"
            if outcome != 0:  # a drain that found nothing changes nothing
                self._written[place] += 1
            if self._written[place] > self._killed[place] and not self._never:
                os.write(self._pipe, f"{place}\n".encode())
                await asyncio.sleep(600)
            return outcome

        setattr(owner, name, counted)


async def erase(ours: App, learner: str, stop: Stop) -> None:
    """Ask for the erasure, unless it is on record, and go on with it to its end; its second round is the same again."""
    ours.privacy.erasures._settled_after = timedelta()
    person = Person(id=learner, tenant=TENANT, pseudonym=ours.people.pseudonym(TENANT, learner))
    try:
        await ours.privacy.erasures.of(person.pseudonym)
    except NotFound:
        await ours.privacy.erasures.begin(person)
    while (await ours.privacy.erasures.of(person.pseudonym)).state != "erased":
        if (await ours.privacy.erasures.of(person.pseudonym)).state == "settling":
            stop.never()
        await ours.privacy.erasures.work()


async def start_session(ours: App, learner: str, _stop: Stop) -> None:
    """Start a session as the gateway has it done, with the client's key."""
    caller = Principal(id=learner, tenant=TENANT, pseudonym=ours.people.pseudonym(TENANT, learner))
    await ours.services.sessions.start(caller, "", mode="practice", participants=(COLLEAGUE,), key=KEY)


def _child(work: str, learner: str, killed: Counter[str], pipe: int) -> int:
    stop = Stop(killed, pipe)
    stop.install()
    try:
        asyncio.run({"erasure": erase, "session": start_session}[work](app(), learner, stop))
    except BaseException:  # noqa: BLE001  a forked child must not go on as its parent
        traceback.print_exc()
        return 1
    return 0


def _kill(work: str, learner: str, killed: Counter[str]) -> str:
    """After what a child was killed; empty where it came through. Raises SystemExit where it failed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os._exit(_child(work, learner, killed, writing))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        place = pipe.readline().strip()
    if place:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not place and status:
        sys.exit(1)
    return place


def _main(work: str, learner: str) -> None:
    killed, number = Counter[str](), 1
    while place := _kill(work, learner if work == "erasure" else f"{learner}-{number}", killed):
        print(place, flush=True)
        number += 1
        killed[place] += 1
        if place == "erasures.replace":  # a step that is on record is not done again
            killed.clear()
    print("through", flush=True)


if __name__ == "__main__":
    load(PROJECT, os.environ)
    for module in SLOW:
        importlib.import_module(module)
    _main(*sys.argv[1:])
