"""What the gateway costs: each stage, the whole pipeline, and beside the gateways that one would take instead."""

from __future__ import annotations

import asyncio


def main() -> bool:
    """Print the tables; whether the targets hold."""
    from benchmarks.gateway.comparison import compare
    from benchmarks.gateway.stages import measure

    held = asyncio.run(measure())
    asyncio.run(compare())
    return held
