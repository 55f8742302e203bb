"""Which of several instances to ask."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence

from shared_code.gateway.registry.instance import Instance, Service


def versioned(candidates: Sequence[Instance], service: Service, wanted: str, caller: str) -> Sequence[Instance]:
    """The candidates of the version that this caller belongs to.

    A version that is asked for by header wins; else a caller falls into the split by a hash, so that it always sees
    the same version. Where no candidate has that version, any will do: an answer is better than an experiment.
    """
    version = wanted or _assigned(service, caller)
    chosen = [instance for instance in candidates if instance.version == version]
    return chosen or candidates


def choose(
    candidates: Sequence[Instance], load: Callable[[Instance], int], draw: Callable[[], float] = random.random
) -> Instance:
    """The less loaded of two drawn by weight (Mitzenmacher, "The Power of Two Choices", 2001).

    Load is the number of calls under way for each unit of weight. Where both are equally loaded the first drawn wins,
    so an idle canary gets its share and no more. There is at least one candidate, and none of weight 0.
    """
    first = _drawn(candidates, draw)
    others = [instance for instance in candidates if instance is not first]
    if not others:
        return first
    second = _drawn(others, draw)
    return second if load(second) * first.weight < load(first) * second.weight else first


def _drawn(candidates: Sequence[Instance], draw: Callable[[], float]) -> Instance:
    mark = draw() * sum(instance.weight for instance in candidates)
    for instance in candidates:
        mark -= instance.weight
        if mark < 0:
            return instance
    return candidates[-1]


def _assigned(service: Service, caller: str) -> str:
    if not service.split:
        return ""
    digest = hashlib.blake2b(f"{service.name}\0{caller}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest) * 100 >> 64
    for version, percentage in sorted(service.split.items()):
        place -= percentage
        if place < 0:
            return version
    return ""
