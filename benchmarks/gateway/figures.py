"""Percentiles, and lines of a table."""

from __future__ import annotations

from collections.abc import Sequence


def percentiles(took: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    ordered = sorted(took)
    last = len(ordered) - 1
    p50, p95, p99 = (ordered[min(last, int(len(ordered) * share))] for share in (0.50, 0.95, 0.99))
    return p50, p95, p99


def line(what: str, took: Sequence[float], target: float | None = None) -> bool:
    """Print microseconds given in seconds, and the target (p95, in milliseconds); whether it holds."""
    p50, p95, p99 = (each * 1e6 for each in percentiles(took))
    held = target is None or p95 <= target * 1000
    goal = "" if target is None else f"   p95 target {target * 1000:,.0f}{'' if held else '  MISSED'}"
    print(f"   {what:<44} {p50:9.1f} {p95:9.1f} {p99:9.1f}{goal}")
    return held
