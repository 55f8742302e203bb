"""Orchestrators, activities and entities that the tests run."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from durabletask import task
from durabletask.entities import EntityInstanceId

runs: Counter[str] = Counter()  # activity executions in this process, by what they were told
gate = threading.Event()  # what `held` waits for …
opened: set[str] = set()  # … unless it was told one of these


# Activities


def plus_one(_: Any, number: int) -> int:
    return number + 1


def noted(_: Any, name: str) -> str:
    runs[name] += 1
    return name


def held(_: Any, name: str) -> str:
    """Ends when the test opens the gate."""
    runs[name] += 1
    while name not in opened and not gate.wait(0.01):
        pass
    return name


def flaky(_: Any, name: str) -> str:
    """Fails twice."""
    runs[name] += 1
    if runs[name] < 3:
        raise ValueError(f"attempt {runs[name]}")
    return f"after {runs[name]}"


def failing(_: Any, message: str | None) -> None:
    raise ValueError(*([message] if message else []))


def deadly(_: Any, _input: Any) -> None:
    """Kills the worker's process."""
    os._exit(1)


def slow(_: Any, seconds: float) -> float:
    time.sleep(seconds)
    return seconds


# Orchestrators


def chain(context: Any, number: int) -> Any:
    for _ in range(3):
        number = yield context.call_activity(plus_one, input=number)
    return number


def call(context: Any, what: list[Any]) -> Any:
    """Call one activity: [name, input]."""
    return (yield context.call_activity(what[0], input=what[1]))


def fan_out(context: Any, count: int) -> Any:
    results = yield task.when_all([context.call_activity(plus_one, input=n) for n in range(count)])
    return sum(results)


def retrying(context: Any, name: str) -> Any:
    policy = task.RetryPolicy(first_retry_interval=timedelta(hours=1), max_number_of_attempts=3)
    return (yield context.call_activity(flaky, input=name, retry_policy=policy))


def retrying_soon(context: Any, name: str) -> Any:
    policy = task.RetryPolicy(first_retry_interval=timedelta(milliseconds=50), max_number_of_attempts=3)
    first = yield context.call_activity(flaky, input=name, retry_policy=policy)
    second = yield context.call_activity(plus_one, input=1)
    return [first, second]


def compensating(context: Any, name: str) -> Any:
    yield context.call_activity(noted, input=f"{name} done")
    try:
        yield context.call_activity(failing, input="no")
    except task.TaskFailedError:
        return (yield context.call_activity(noted, input=f"{name} undone"))


def sleeping(context: Any, hours: float) -> Any:
    before = context.current_utc_datetime
    yield context.create_timer(timedelta(hours=hours))
    return (context.current_utc_datetime - before).total_seconds() >= hours * 3600


def deadline(context: Any, hours: float) -> Any:
    """An answer before the deadline, or none."""
    answer = context.wait_for_external_event("answer")
    timer = context.create_timer(timedelta(hours=hours))
    winner = yield task.when_any([answer, timer])
    return answer.get_result() if winner is answer else None


def racing(context: Any, hours: float) -> Any:
    """Which of two timers is first; the later one is made first."""
    late, early = (context.create_timer(timedelta(hours=each)) for each in (2 * hours, hours))
    winner = yield task.when_any([late, early])
    return "early" if winner is early else "late"


def listening(context: Any, count: int) -> Any:
    """So many events of one name, in their order."""
    heard = []
    for _ in range(count):
        heard.append((yield context.wait_for_external_event("word")))
    return heard


def telling(context: Any, whom: str) -> Any:
    context.send_event(whom, "word", data="from another")
    return "told"
    yield


def parent(context: Any, what: list[Any]) -> Any:
    """Call one orchestrator: [name, input, id]."""
    return (yield context.call_sub_orchestrator(what[0], input=what[1], instance_id=what[2]))


def who_is_parent(context: Any, _: Any) -> Any:
    return context.parent_instance_id
    yield


def counting_down(context: Any, left: int) -> Any:
    """Continues as new; keeps events that came early."""
    yield context.call_activity(plus_one, input=left)
    if left == 0:
        return (yield context.wait_for_external_event("word"))
    context.continue_as_new(left - 1, save_events=True)
    return None


def abandons_a_task(context: Any, round_number: int) -> Any:
    """The first round continues as new while its activity runs; its result must not reach the second."""
    if round_number == 1:
        context.call_activity(held, input="first round")
        yield context.wait_for_external_event("word")
        context.continue_as_new(2)
        return None
    return (yield context.call_activity(held, input="second round"))


def breaks_once(context: Any, name: str) -> Any:
    kept = yield context.call_activity(noted, input=f"{name} kept")
    again = yield context.call_activity(flaky, input=name)
    return [kept, again]


def failing_beside(context: Any, name: str) -> Any:
    """Fails while another of its activities still runs."""
    other = context.call_activity(held, input=name)
    yield context.call_activity(flaky, input=f"{name} flaky")
    return (yield other)


def counts(context: Any, key: str) -> Any:
    entity = EntityInstanceId("counter", key)
    context.signal_entity(entity, "add", input=1)
    return (yield context.call_entity(entity, "add", input=10))


def transfer(context: Any, what: list[Any]) -> Any:
    """Under locks, move 1 from one counter to another: [from, to, wait for a word between]."""
    source, target = EntityInstanceId("counter", what[0]), EntityInstanceId("counter", what[1])
    with (yield context.lock_entities([source, target])):
        before = yield context.call_entity(source, "get")
        if what[2]:
            yield context.wait_for_external_event("word")
        yield context.call_entity(source, "set", input=before - 1)
        moved = yield context.call_entity(target, "get")
        yield context.call_entity(target, "set", input=moved + 1)
    return before - 1


def saga(context: Any, number: int) -> Any:
    """A bit of everything, for kills under load."""
    numbers = yield task.when_all([context.call_activity(plus_one, input=number + n) for n in range(3)])
    child = yield context.call_sub_orchestrator(chain, input=number)
    yield context.create_timer(timedelta(seconds=0.02 + number % 5 * 0.3))
    heard = yield context.wait_for_external_event("word")
    total = yield context.call_entity(EntityInstanceId("counter", f"saga-{number}"), "add", input=number)
    try:
        yield context.call_activity(failing, input="no")
    except task.TaskFailedError:
        undone = yield context.call_activity(plus_one, input=-1)
    return [sum(numbers), child, heard, total, undone]


def saga_result(number: int) -> list[int]:
    """What `saga` comes to."""
    return [3 * number + 6, number + 3, number, number, 0]


# Entities


def counter(context: Any, input: Any) -> Any:  # noqa: A002 - as the SDK has it
    value = context.get_state(int, 0)
    match context.operation:
        case "add":
            value += input
        case "set":
            value = input
        case "delete":
            context.set_state(None)
            return None
        case "fail":
            raise ValueError("no")
        case "die":
            os._exit(1)
        case "hold":
            gate.wait(30)
    if context.operation != "get":
        context.set_state(value)
    return value


ORCHESTRATORS = [
    chain, call, fan_out, retrying, retrying_soon, compensating, sleeping, deadline, racing, listening, telling, parent,
    who_is_parent, counting_down, abandons_a_task, breaks_once, failing_beside, counts, transfer, saga,
]  # fmt: skip
ACTIVITIES = [plus_one, noted, held, flaky, failing, deadly, slow]
ENTITIES = [counter]
