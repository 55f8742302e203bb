"""The content modes of the HTTP protocol binding 1.0.2 (github.com/cloudevents/spec)."""

from __future__ import annotations

import json

import pytest

from shared_code.domain.errors import BadRequest, TooLarge
from shared_code.events.http_binding import MOST, read_batch, read_binary, read_structured


def test_a_batch_is_an_array_and_may_be_empty() -> None:
    assert read_batch(b"[]") == []
    assert read_batch(b'[{"id": "1"}, 2]') == [{"id": "1"}, 2]


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"\xff"])
def test_what_is_no_array_is_no_batch(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_batch(body)


def test_a_batch_has_its_limit() -> None:
    read_batch(json.dumps([{}] * MOST).encode())
    with pytest.raises(TooLarge):
        read_batch(json.dumps([{}] * (MOST + 1)).encode())


def test_a_structured_body_is_the_event() -> None:
    assert read_structured(b'{"id": "1"}') == {"id": "1"}
    with pytest.raises(BadRequest):
        read_structured(b"")


def test_binary_mode_has_its_attributes_in_headers() -> None:
    """Section 3.1.3.2: quotes and escapes are undone first, then the percent-encoding."""
    headers = {
        "content-type": "application/json; charset=utf-8",
        "ce-id": "1",
        "ce-subject": "Euro%20%E2%82%AC%20%F0%9F%98%80",
        "ce-source": r'"a \"quoted\" one"',
        "accept": "*/*",
    }
    assert read_binary(headers, b'{"text": 1}') == {
        "id": "1",
        "subject": "Euro € 😀",
        "source": 'a "quoted" one',
        "datacontenttype": "application/json; charset=utf-8",
        "data": {"text": 1},
    }


@pytest.mark.parametrize("headers", [{}, {"ce-id": "%ff"}])
def test_binary_mode_without_readable_attributes_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        read_binary(headers, b"{}")
