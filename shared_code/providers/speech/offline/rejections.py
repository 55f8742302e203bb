"""Why a recording is refused. Each names the gate that refused, for the learner and for the client's code."""

from __future__ import annotations

from shared_code.domain.errors import ProviderRejected


class RecordingRejected(ProviderRejected):
    """The recording cannot be assessed; `code` says which gate refused (422)."""


class FormatNotSupported(RecordingRejected):
    """A recording that is intact, but not PCM 16 bit mono at 8-48 kHz in a WAV file (415)."""

    status = 415


class RecordingTooLong(RecordingRejected):
    """More than the stated limit (413)."""

    status = 413


def corrupt(detail: str) -> RecordingRejected:
    """What claims to be a WAV file cannot be read."""
    return RecordingRejected(detail, code="audio-corrupt")


def unsupported(detail: str) -> FormatNotSupported:
    """Another format than the one that is taken."""
    return FormatNotSupported(detail, code="audio-corrupt")
