"""The acoustic model's units as numbers: the initials, "no initial", the finals, and silence last."""

from __future__ import annotations

from shared_code.domain.mandarin.units import UNITS, units

CLASSES: tuple[str, ...] = (*UNITS, "silence")
SILENCE = len(UNITS)
NO_INITIAL = UNITS.index("^")
_INDEX = {unit: place for place, unit in enumerate(UNITS)}


def unit_indexes(base: str) -> tuple[int, int]:
    """The initial and the final of a toneless syllable. Raises ValueError where the model knows no such sound."""
    initial, final = units(base)
    return _INDEX[initial], _INDEX[final]
