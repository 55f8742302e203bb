"""What schemathesis must know besides the document: how to write audio."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave")
def audio(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Whatever was generated, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
