"""JSON bodies are read strictly, and a refusal says where."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec import Struct

from shared_code.domain.errors import AppError
from shared_code.gateway.body import MAX_DEPTH, decode_json
from shared_code.gateway.routes.sessions import START_SESSION
from tests.shared_code.gateway.requests import request


class Item(Struct, forbid_unknown_fields=True):
    hanzi: str
    tones: dict[str, int] = {}


class Lesson(Struct, forbid_unknown_fields=True):
    mode: Literal["practice", "conversation"]
    items: list[Item] = []
    next: Lesson | None = None


class Lax(Struct):
    lessons: list[Lesson]


def decode(body: bytes, content_type: str = "application/json") -> Lesson:
    return decode_json(request(START_SESSION, body=body, headers={"content-type": content_type}), Lesson)


def test_a_body_that_fits_is_read() -> None:
    lesson = decode('{"mode":"practice","items":[{"hanzi":"你好"}],"next":{"mode":"conversation"}}'.encode())
    assert lesson.items[0].hanzi == "你好"
    assert lesson.next == Lesson("conversation")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{}", "/mode"),
        (b'{"mode":"sleep"}', "/mode"),
        (b'{"mode":"practice","role":"operator"}', "/role"),
        (b'{"mode":"practice","a/b~c":1}', "/a~1b~0c"),
        (b'{"mode":"practice","items":[{"hanzi":"a"},{"hanzi":7}]}', "/items/1/hanzi"),
        (b'{"mode":"practice","items":[{"hanzi":"a","score":100}]}', "/items/0/score"),
        (b'{"mode":"practice","items":[{"hanzi":"a","tones":{"x":"y"}}]}', "/items/0/tones"),
        (b'{"mode":"practice","next":{"mode":3}}', "/next/mode"),
        (b"[]", ""),
        (b"null", ""),
    ],
)
def test_what_does_not_fit_is_pointed_at(body: bytes, pointer: str) -> None:
    with pytest.raises(AppError) as refused:
        decode(body)
    assert refused.value.status == 422
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert refused.value.errors[0].detail


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"{'mode':1}", b'{"mode":NaN}', b"\xff\xfe", b'{"mode":"\xff"}'])
def test_what_is_not_json_is_a_400(body: bytes) -> None:
    with pytest.raises(AppError) as refused:
        decode(body)
    assert (refused.value.status, refused.value.code) == (400, "json-malformed")


@pytest.mark.parametrize("opening", [b'{"next":', b"["])
def test_nesting_has_a_limit(opening: bytes) -> None:
    with pytest.raises(AppError) as refused:
        decode(opening * (MAX_DEPTH + 1))
    assert refused.value.code == "json-too-deep"


def test_brackets_in_texts_are_not_nesting() -> None:
    text = '[{\\"' * 200
    assert decode(f'{{"mode":"practice","items":[{{"hanzi":"{text}"}}]}}'.encode()).items[0].hanzi == '[{"' * 200


def test_another_content_type_is_a_415() -> None:
    with pytest.raises(AppError) as refused:
        decode(b'{"mode":"practice"}', "text/plain")
    assert refused.value.status == 415


def test_a_model_that_lets_unknown_members_pass_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="Lax"):
        decode_json(request(START_SESSION, body=b"{}"), Lax)
