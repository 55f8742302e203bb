"""Log lines: a stable dotted name, facts behind it, and nothing that says who somebody is or what they said.

`log.warning("hub.unavailable", extra={"provider": name})` becomes `hub.unavailable provider=azure`: Azure's worker
hands on the message alone, so facts that stay in `extra` would be lost there.
"""

from __future__ import annotations

import logging
import re
import traceback

RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
OURS = ("shared_code", "functions", "orchestrations")
KEY_NAMES = "accountkey|accesskey|sharedaccesskey|sharedaccesssignature|sig|access_token"
FORBIDDEN = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [token]"),
    (
        re.compile(r"(?i)\b(accountkey|accesskey|sharedaccesskey|sharedaccesssignature|sig|access_token)=[^;&\s]+"),
        r"\1=[key]",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    (re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]+"), "[hanzi]"),
)


def redact(text: str) -> str:
    """Replace tokens, keys, e-mail addresses and hanzi: a net below the rule that none of them is logged."""
    for pattern, replacement in FORBIDDEN:
        text = pattern.sub(replacement, text)
    return text


class Facts(logging.Filter):
    """Writes a record's facts behind its name, redacted, tracebacks included. It drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place, once however many handlers see it."""
        if record.name.startswith(OURS) and not hasattr(record, "facts_written"):
            facts = {name: value for name, value in vars(record).items() if name not in RECORD_FIELDS}
            record.msg = redact(" ".join([record.getMessage(), *(f"{name}={value}" for name, value in facts.items())]))
            record.args = None
            record.facts_written = True
            if record.exc_info and record.exc_info[0]:
                record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return True


def install() -> None:
    """Put the filter on every handler that the host has set up, so that records of all our loggers pass it."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, Facts) for present in handler.filters):
            handler.addFilter(Facts())
