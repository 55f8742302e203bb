"""Kill the broker under load and count: the same rounds for the test suite and for `make drill`."""

from __future__ import annotations

import random
import signal
import threading
import time
from dataclasses import dataclass, field

from local.servicebus.amqp.codec import Described, Ulong
from local.servicebus.amqp.frames import Frame
from tests.local.servicebus.configuration import namespace, queue
from tests.local.servicebus.messages import ANNOTATIONS, body_of, message_bytes, sections
from tests.local.servicebus.process import BrokerProcess
from tests.local.servicebus.wire import Wire, wire

CONFIGURATION = namespace(queues=[queue("work", MaxDeliveryCount=100, LockDuration="PT5M")])
ACCEPTED = Described(Ulong(0x24), [])
UNANSWERED = 20  # messages a producer has under way


@dataclass
class Count:
    """What clients were told, over all rounds; bodies name messages."""

    accepted: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)  # a complete was sent
    completed: set[str] = field(default_factory=set)  # and confirmed
    lost: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    numbers: dict[int, str] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    left: int = 0  # found and completed after restarts


def crash_rounds(broker: BrokerProcess, rounds: int, *, seed: int) -> Count:
    """Start, load, kill and look, so many times; the broker is left running."""
    chance, count = random.Random(seed), Count()
    broker.start()
    for number in range(rounds):
        workers = [
            *(threading.Thread(target=_produce, args=(broker.port, count, f"{number}-{n}")) for n in range(2)),
            *(threading.Thread(target=_consume, args=(broker.port, count)) for _ in range(2)),
        ]
        for worker in workers:
            worker.start()
        time.sleep(chance.uniform(0.3, 0.8))
        broker.end(signal.SIGKILL)
        for worker in workers:
            worker.join()
        broker.start()
        _look(broker.port, count)
    return count


def _produce(port: int, count: Count, name: str) -> None:
    """Send until the connection ends, noting what was accepted."""
    try:
        with wire(port, entity="work") as client:
            client.attach_sender(1, "work")
            sent = 0
            while True:
                client.transfer(1, sent, message_bytes(f"{name}-{sent}"))
                sent += 1
                if sent > UNANSWERED:
                    confirmed = client.expect("disposition")
                    assert confirmed.state == ACCEPTED
                    count.accepted.add(f"{name}-{confirmed.first}")
    except OSError:
        return


def _consume(port: int, count: Count) -> None:
    """Complete what comes until the connection ends."""
    try:
        with wire(port, entity="work") as client:
            _complete(client, count, forever=True)
    except OSError:
        return


def _look(port: int, count: Count) -> None:
    """Complete everything that is left, and compare with what clients were told before."""
    told_before = set(count.completed)
    with wire(port, entity="work") as client:
        found = _complete(client, count, forever=False)
    count.left += len(found)
    count.repeated |= found & told_before
    count.lost |= count.accepted - count.settled


def _complete(client: Wire, count: Count, *, forever: bool) -> set[str]:
    client.attach_receiver(2, "work", snd_settle_mode=0, rcv_settle_mode=1, credit=0)
    client.give_credit(2, 1_000_000, drain=not forever)
    pending: dict[int, str] = {}
    found: set[str] = set()
    drained = False
    while forever or pending or not drained:
        frame, payload = client.read()
        if frame.kind == "transfer":
            body, number = body_of(payload), int(sections(payload)[ANNOTATIONS]["x-opt-sequence-number"])
            if count.numbers.setdefault(number, body) != body:
                count.reused.add(number)
            found.add(body)
            count.settled.add(body)
            pending[frame.delivery_id] = body
            client.write(Frame("disposition", role=True, first=frame.delivery_id, state=ACCEPTED))
        elif frame.kind == "disposition":
            assert frame.state == ACCEPTED
            count.completed.add(pending.pop(frame.first))
        elif frame.kind == "flow" and frame.drain:
            drained = True
    return found
