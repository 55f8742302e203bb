"""Measures of a detector: scores of what is right should lie above scores of what is wrong."""

from __future__ import annotations

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles


def area_under_curve(right: Doubles, wrong: Doubles) -> float:
    """Chance that a right one scores higher than a wrong one (ties count half); 0.5 is a coin, 1 is perfect."""
    ordered = np.sort(right)
    above = len(ordered) - np.searchsorted(ordered, wrong, side="right")
    level = np.searchsorted(ordered, wrong, side="right") - np.searchsorted(ordered, wrong, side="left")
    return float((above + level / 2).mean() / len(ordered))


def equal_error_rate(right: Doubles, wrong: Doubles) -> float:
    """The share of errors at the threshold where right ones are refused as often as wrong ones pass."""
    thresholds = np.sort(np.concatenate((right, wrong)))
    refused = np.searchsorted(np.sort(right), thresholds, side="left") / len(right)
    passed = 1 - np.searchsorted(np.sort(wrong), thresholds, side="left") / len(wrong)
    place = int(np.abs(refused - passed).argmin())
    return float((refused[place] + passed[place]) / 2)
