"""The external service hub: every call to a provider goes through a chain, best first, offline last."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from shared_code.domain.errors import ProviderRejected, ProviderUnavailable

log = logging.getLogger(__name__)

UsageSink = Callable[[str, dict[str, object]], None]


class Provider(Protocol):
    """Anything with a name that appears in results and usage records."""

    name: str


class Answer[T](Struct, frozen=True, kw_only=True):
    """A provider's answer; `degraded` is true when a provider lower in the chain gave it."""

    value: T
    provider: str
    degraded: bool


class Chain[P: Provider]:
    """An ordered chain of providers of one capability.

    An outage or a timeout goes on to the next provider; a rejection does not, because the caller's input is at
    fault and would be refused again. The last provider gets all the time that is left.
    """

    def __init__(self, capability: str, providers: Sequence[P], *, deadline: float, usage: UsageSink) -> None:
        if not providers:
            raise ValueError(f"the chain for {capability} has no provider")
        self.capability = capability
        self.providers = tuple(providers)
        self._deadline = deadline  # seconds for the whole chain
        self._usage = usage

    async def call[T](self, ask: Callable[[P], Awaitable[T]]) -> Answer[T]:
        """Ask the providers in turn.

        Raises ProviderRejected as soon as one refuses the input, ProviderUnavailable when none could answer.
        """
        ends = time.monotonic() + self._deadline
        for place, provider in enumerate(self.providers):
            left = ends - time.monotonic()
            share = left if provider is self.providers[-1] else left / 2
            try:
                value = await self._timed(provider, ask, share)
            except ProviderUnavailable as failure:
                log.warning("hub.unavailable", extra={"provider": provider.name, "code": failure.code})
                continue
            return Answer(value=value, provider=provider.name, degraded=place > 0)
        raise ProviderUnavailable(f"No provider of {self.capability} can answer now.", retry_after=5)

    async def _timed[T](self, provider: P, ask: Callable[[P], Awaitable[T]], seconds: float) -> T:
        """Give one provider its share of the deadline, and record how it went."""
        started = time.monotonic()
        outcome = "failed"
        try:
            async with asyncio.timeout(seconds):
                value = await ask(provider)
            outcome = "answered"
        except TimeoutError as error:
            outcome = "timeout"
            raise ProviderUnavailable(f"{provider.name} did not answer in time.") from error
        except ProviderRejected as rejection:
            outcome = rejection.code
            raise
        except ProviderUnavailable as failure:
            outcome = failure.code
            raise
        finally:
            milliseconds = round((time.monotonic() - started) * 1000, 1)
            self._usage(
                self.capability,
                {"capability": self.capability, "provider": provider.name, "outcome": outcome, "ms": milliseconds},
            )
        return value
