"""What a log line carries, and what it never does."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from shared_code.observability import logs


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """A handler as the host has one, on the root logger."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    logs.install()
    logs.install()
    yield stream
    root.removeHandler(handler)


def test_facts_stand_behind_the_name(output: io.StringIO) -> None:
    logging.getLogger("shared_code.providers.hub").warning(
        "hub.unavailable", extra={"provider": "azure", "status": 429}
    )
    assert output.getvalue() == "hub.unavailable provider=azure status=429\n"


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZWkifQ.c2lnbmF0dXJl",
        "Bearer abc.def-ghi",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1",
        "https://x.blob.core.windows.net/a?sv=1&sig=abc%2Fdef",
        "mei@school.example",
        "我想学中文",
    ],
)
def test_no_token_key_address_or_hanzi_gets_through(output: io.StringIO, secret: str) -> None:
    log = logging.getLogger("shared_code.somewhere")
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("somewhere.failed %s", secret, extra={"fact": secret})
    written = output.getvalue()
    assert "somewhere.failed" in written
    assert "Traceback" in written
    for word in ("c2ln", "abc", "Eby8", "mei", "中文"):
        assert word not in written


def test_other_libraries_lines_are_left_alone(output: io.StringIO) -> None:
    logging.getLogger("azure.core").warning("as it was", extra={"fact": 1})
    assert output.getvalue() == "as it was\n"
