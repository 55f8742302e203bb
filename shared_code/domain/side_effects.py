"""The latch on what leaves our own data: pushes to screens, mail, calls to learning management systems.

Whoever handles an event that is replayed latches it; every door to the outside asks before it opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_latched: ContextVar[bool] = ContextVar("side_effects_latched", default=False)


def latched() -> bool:
    """Whether nothing may leave now."""
    return _latched.get()


@contextmanager
def latch(on: bool = True) -> Iterator[None]:
    """Let nothing out while this lasts, if it is on; in this task and in those that it starts."""
    token = _latched.set(on or _latched.get())
    try:
        yield
    finally:
        _latched.reset(token)
