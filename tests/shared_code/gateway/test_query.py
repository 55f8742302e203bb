"""Queries are read as strictly as bodies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec import Struct

from shared_code.domain.errors import BadRequest
from shared_code.gateway.query import decode_query
from shared_code.gateway.routes.about import LIVE
from tests.shared_code.gateway.requests import request


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    limit: int = 10
    since: datetime | None = None
    words: str = ""


def test_text_becomes_what_the_model_says() -> None:
    assert decode_query(request(LIVE, query={"limit": "7", "words": "null"}), Wanted) == Wanted(limit=7, words="null")
    assert decode_query(request(LIVE), Wanted) == Wanted()


@pytest.mark.parametrize(
    "query",
    [{"limit": "many"}, {"limit": "null"}, {"since": "null"}, {"since": "7"}, {"since": "yesterday"}, {"surplus": "1"}],
)
def test_what_does_not_fit_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=f"'{next(iter(query))}'"):
        decode_query(request(LIVE, query=query), Wanted)
