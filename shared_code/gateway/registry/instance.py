"""Services and their instances."""

from __future__ import annotations

from msgspec import Struct

IN_PROCESS = "in-process"


class Instance(Struct, frozen=True, kw_only=True):
    """One place where a service runs: in this process, or at a URL.

    Traffic is shared out by `weight`; 0 takes none. A draining instance finishes what it has and gets nothing new.
    `healthy`, `failures` (probes failed in a row) and `checked_at` (RFC 3339) are the prober's.
    """

    service: str
    id: str
    url: str = ""
    version: str = "1"
    weight: int = 100
    region: str = ""
    health_path: str = "/health"
    draining: bool = False
    healthy: bool = True
    failures: int = 0
    checked_at: str | None = None

    @property
    def name(self) -> str:
        """Its name among all instances."""
        return f"{self.service}|{self.id}"

    @property
    def in_process(self) -> bool:
        """Whether it is code of this process."""
        return not self.url

    @property
    def available(self) -> bool:
        """Whether it may be asked, as far as the registry knows."""
        return self.healthy and not self.draining and self.weight > 0


class Service(Struct, frozen=True, kw_only=True):
    """What holds for all instances of a service.

    `roles` may call it where its routes say nothing themselves. `split` gives percentages of callers by version, for
    an experiment: a caller stays with one version. Callers that it leaves over are shared out by weight.
    """

    name: str
    roles: tuple[str, ...] = ("learner",)
    split: dict[str, int] = {}
