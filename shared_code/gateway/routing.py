"""From a request to the instance that answers it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import AppError, DeadlineExceeded, Unavailable
from shared_code.gateway.forwarding.budget import RetryBudget
from shared_code.gateway.forwarding.forwarder import CallFailed, Forwarder
from shared_code.gateway.forwarding.target import check_path
from shared_code.gateway.http import Endpoint, Record, Request, Response
from shared_code.gateway.registry.balancing import choose, versioned
from shared_code.gateway.registry.instance import Instance
from shared_code.gateway.registry.registry import Registry
from shared_code.gateway.stages.deadline import left
from shared_code.resilience.breaker.breaker import BreakerOpen, Outcome, Permit
from shared_code.resilience.breaker.breakers import Breakers
from shared_code.resilience.retry import backoff

IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, section 9.2.2
VERSION_HEADER = "x-service-version"
RETRIES = 1  # of a call that may have been carried out
MOST_TRIED = 4  # calls in all, those that never reached an instance included
FIRST_SHARE = 0.5  # of the time left, for a call after which there may be another one
MARGIN = 0.02  # seconds that we keep to say that it took too long
FIRST_WAIT, LONGEST_WAIT = 0.02, 1.0  # seconds before a retry


class BadGateway(AppError):
    """A service behind us gave no answer that could be passed on."""

    status, code, retryable = 502, "bad-gateway", True


@dataclass(slots=True)
class Passage:
    """One request on its way to a service: the path below it, its endpoint in this process, and what was tried."""

    service: str
    path: str
    request: Request
    local: Endpoint | None
    tried: list[str] = field(default_factory=list)
    retries: int = 0

    @property
    def last(self) -> bool:
        """Whether a call that may have been carried out must not be followed by another."""
        repeatable = self.request.method in IDEMPOTENT or "idempotency-key" in self.request.headers
        return self.retries >= RETRIES or not repeatable

    def seconds(self) -> float:
        """How long the next call may take."""
        return left(self.request) * (1 if self.last else FIRST_SHARE) - MARGIN


class Router:
    """Chooses among a service's instances, calls one, and another one where that can help."""

    def __init__(self, registry: Registry, breakers: Breakers, forwarder: Forwarder, record: Record) -> None:
        self._registry = registry
        self._breakers = breakers
        self._forwarder = forwarder
        self._record = record
        self._load: Counter[str] = Counter()  # calls under way, by instance
        self._budgets: defaultdict[str, RetryBudget] = defaultdict(RetryBudget)

    async def route(self, passage: Passage) -> Response:
        """Have a service answer.

        Raises NotFound for a path that leaves it, Unavailable when no instance can be asked, BadGateway or
        DeadlineExceeded when none of those that were asked answered.
        """
        check_path(passage.path)
        self._budgets[passage.service].earn()
        while True:
            instance, permit = await self._instance(passage)
            passage.tried.append(instance.id)
            if passage.local is not None and instance.in_process:
                return await self._here(passage, instance, passage.local)
            try:
                return await self._call(passage, instance, permit)
            except CallFailed as failure:
                await self._recover(passage, failure)

    async def close(self) -> None:
        """Publish what the breakers know and close the connections."""
        await self._breakers.settle()
        await self._forwarder.close()

    async def _instance(self, passage: Passage) -> tuple[Instance, Permit | None]:
        """An instance that its breaker lets us ask: one not tried yet, else one that was."""
        service = (await self._registry.view()).services.get(passage.service)
        candidates = await self._candidates(passage)
        caller = passage.request.principal.pseudonym if passage.request.principal else ""
        wanted = passage.request.headers.get(VERSION_HEADER, "")
        waits = [5.0]
        while candidates and service is not None:
            fresh = [each for each in candidates if each.id not in passage.tried]
            among = versioned(fresh or candidates, service, wanted, caller)
            instance = choose(among, lambda each: self._load[each.name])
            if instance.in_process:
                return instance, None
            try:
                return instance, await self._breakers.of(instance.name).enter()
            except BreakerOpen as refusal:
                waits.append(refusal.retry_after or 1.0)
                candidates.remove(instance)
        raise Unavailable(
            "No instance of this service can answer now.", code="service-unavailable", retry_after=min(waits)
        )

    async def _candidates(self, passage: Passage) -> list[Instance]:
        """The instances that may be asked, as far as the registry knows."""
        return [
            each
            for each in (await self._registry.view()).instances.get(passage.service, ())
            if each.available and (passage.local is not None or not each.in_process)
        ]

    async def _here(self, passage: Passage, instance: Instance, endpoint: Endpoint) -> Response:
        """Have the code of this process answer."""
        started = time.perf_counter()
        self._load[instance.name] += 1
        try:
            return await endpoint(passage.request)
        finally:
            self._load[instance.name] -= 1
            self._write(passage, instance, "in-process", time.perf_counter() - started)

    async def _call(self, passage: Passage, instance: Instance, permit: Permit | None) -> Response:
        outcome, what = Outcome.ABANDONED, "abandoned"
        started = time.perf_counter()
        self._load[instance.name] += 1
        try:
            response = await self._forwarder.call(passage.request, instance, passage.path, passage.seconds())
            outcome, what = Outcome.ANSWERED, str(response.status)
        except CallFailed as failure:
            outcome, what = Outcome.FAILED, failure.why
            raise
        finally:
            self._load[instance.name] -= 1
            took = time.perf_counter() - started
            if permit is not None:
                permit.ended(outcome, took)
            self._write(passage, instance, what, took)
        return response

    async def _recover(self, passage: Passage, failure: CallFailed) -> None:
        """Wait for another try, with jitter; else raise what the caller gets.

        What never reached an instance may be tried again whatever it is; what did, once, and only if it may be
        repeated and the service can bear it. An instance that asks for time is given it, unless there is another one;
        where it asks for more than anybody should wait here, the caller is told.
        """
        pause = backoff(passage.retries, first=FIRST_WAIT, longest=LONGEST_WAIT)
        if failure.sent:
            if passage.last or not self._budgets[passage.service].spend():
                raise _given_up(failure) from failure
            passage.retries += 1
            if all(each.id in passage.tried for each in await self._candidates(passage)):
                pause = max(pause, failure.retry_after)
        if len(passage.tried) >= MOST_TRIED or pause > min(LONGEST_WAIT, left(passage.request) - MARGIN):
            raise _given_up(failure) from failure
        await asyncio.sleep(pause)

    def _write(self, passage: Passage, instance: Instance, what: str, seconds: float) -> None:
        record: dict[str, object] = {
            "time": rfc3339(passage.request.received_at),
            "correlation_id": passage.request.correlation_id,
            "service": instance.service,
            "instance": instance.id,
            "version": instance.version,
            "attempt": len(passage.tried),
            "outcome": what,
            "ms": round(seconds * 1000, 3),
        }
        self._record("integration", "api_gateway/service_routing_data", record)
        balance = {**record, "load": self._load[instance.name]}
        self._record("monitoring", "api_performance/load_balancing_metrics", balance)


def _given_up(failure: CallFailed) -> AppError:
    retry_after = max(1.0, failure.retry_after)
    if failure.why == "timeout":
        return DeadlineExceeded("The service took too long.", retry_after=retry_after)
    return BadGateway("The service gave no answer that can be passed on.", retry_after=retry_after)
