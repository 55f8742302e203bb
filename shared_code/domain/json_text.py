"""JSON that anybody may have written."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_DEPTH = 32  # nothing of ours nests nearly as deep


class NoJson(ValueError):
    """It is no JSON in UTF-8, or nests deeper than MAX_DEPTH: who goes into that may not come out again."""


def read_json(text: bytes) -> Any:
    """The value. Raises NoJson."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise NoJson("not JSON in UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    if _is_deeper(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _too_deep() -> NoJson:
    return NoJson(f"JSON that nests more than {MAX_DEPTH} deep")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list):
        parts = value  # type: ignore[assignment]
    else:
        return False
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in parts)
