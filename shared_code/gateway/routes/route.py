"""One line of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared_code.gateway.access import Access

KIB = 1024
JSON_ONLY = ("application/json",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the table. `path` is below `/api`, in the template syntax of Azure Functions.

    `consumes` are the content types that a body may have, none where no body is taken; `max_body` is in bytes;
    `deadline` in seconds. `limits` is the class of rate limits: reads, writes, speech or ai; empty means by method.
    """

    name: str
    method: str
    path: str
    access: Access
    summary: str
    consumes: Sequence[str] = ()
    max_body: int = 64 * KIB
    deadline: float = 10.0
    limits: str = ""

    @property
    def limit_class(self) -> str:
        """The class of rate limits that this counts against."""
        return self.limits or ("reads" if self.method == "GET" else "writes")

    @property
    def template(self) -> str:
        """Method and path, for logs and metrics: says nothing about anybody."""
        return f"{self.method} /api/{self.path}"
