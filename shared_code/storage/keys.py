"""Row and partition keys that may hold any text."""

from __future__ import annotations

import re

# Refused in keys (learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model), and % which
# clients and proxies disagree about, and ~ itself.
_REFUSED = re.compile(r"[/\\#?%~\x00-\x1f\x7f-\x9f]")
_ESCAPED = re.compile(r"~([0-9a-f]{2})")


def escape_key(text: str) -> str:
    """Write any text as a key: what storage refuses becomes `~` and two hex digits."""
    return _REFUSED.sub(lambda found: f"~{ord(found[0]):02x}", text)


def unescape_key(key: str) -> str:
    """The text that `escape_key` wrote."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), key)
