"""JSON bodies: read strictly, refused with the place that does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NoReturn

import msgspec
import msgspec.inspect
from msgspec import Struct

from shared_code.domain.errors import BadRequest, FieldError, Invalid, UnsupportedMediaType
from shared_code.gateway.http import JSON, Request
from shared_code.gateway.media import media_type

MAX_DEPTH = 32
STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?(?P<path>\$.*)`)?$", re.DOTALL)
NAMED = re.compile(r"^Object (?P<fault>missing required|contains unknown) field `(?P<field>.*)`$", re.DOTALL)
STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")


def decode_json[T: Struct](request: Request, model: type[T]) -> T:
    """Read the body as JSON of this model, whose structs all declare `forbid_unknown_fields=True`.

    Raises UnsupportedMediaType (not JSON), BadRequest (empty, malformed, too deep) and Invalid with the place of the
    first member that does not fit.
    """
    _require_strict(model)
    if media_type(request) != JSON:
        raise UnsupportedMediaType(f"This takes {JSON}.", extra={"accept": [JSON]})
    if not request.body.strip():
        raise BadRequest("The body is empty; it should be JSON.", code="json-malformed")
    require_shallow(request.body)
    try:
        return msgspec.json.decode(request.body, type=model)
    except msgspec.ValidationError as error:
        _refuse(str(error))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("The body is not JSON in UTF-8.", code="json-malformed") from None


def require_shallow(body: bytes) -> None:
    """Raise BadRequest for JSON that nests deeper than anything of ours does."""
    if _depth(body) > MAX_DEPTH:
        raise BadRequest(f"The JSON is nested more than {MAX_DEPTH} deep.", code="json-too-deep")


@cache
def _require_strict(model: type[Struct]) -> None:
    """Raise TypeError for a model that would let unknown members pass: that is a mistake of ours."""
    lax = [kind.__name__ for kind in _structs(msgspec.inspect.type_info(model)) if not _is_strict(kind)]
    if lax:
        raise TypeError(f"{', '.join(lax)} must forbid unknown fields")


def _is_strict(kind: type[Struct]) -> bool:
    return kind.__struct_config__.forbid_unknown_fields


def _structs(info: object, seen: frozenset[type] = frozenset()) -> Iterator[type[Struct]]:
    """Every struct that a type is made of."""
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return
        seen |= {info.cls}
        yield info.cls
    for field in getattr(info, "__struct_fields__", ()):
        value = getattr(info, field)
        for part in value if isinstance(value, tuple) else (value,):
            yield from _structs(part, seen)


def _depth(body: bytes) -> int:
    """How deep brackets nest; strings do not count. Linear, and skipped where there are too few brackets to matter."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for found in STRINGS_AND_BRACKETS.finditer(body):
        token = found[0]
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest


def _refuse(message: str) -> NoReturn:
    """Turn msgspec's message, e.g. "Expected `str`, got `int` - at `$.items[0].name`", into a pointer and a detail."""
    place = PLACE.fullmatch(message)
    assert place is not None
    what, pointer = place["what"], _pointer(place["path"] or "$")
    if named := NAMED.fullmatch(what):
        pointer += "/" + _escaped(named["field"])
        what = "This member is missing." if named["fault"].startswith("missing") else "There is no such member."
    raise Invalid("The body does not fit.", errors=[FieldError(pointer, what)]) from None


def _pointer(path: str) -> str:
    """A JSON Pointer (RFC 6901). msgspec does not say which key of a mapping it was: the pointer ends there."""
    pointer = ""
    for step in STEP.finditer(path):
        if step["index"] == "...":
            break
        pointer += "/" + (step["index"] or _escaped(step["name"]))
    return pointer


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
