"""Expected failures. Each knows the HTTP status it becomes, a stable code, and whether trying again can help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One place of a body that does not fit: a JSON Pointer (RFC 6901) and what is wrong there."""

    pointer: str
    detail: str


class AppError(Exception):
    """An expected failure. The message is written for the caller: it never carries a vendor's or a driver's text."""

    status = 500
    code = "internal"
    retryable = False

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.retry_after = retry_after  # seconds
        self.extra = extra or {}  # further members of the problem document (RFC 9457, section 3.2)


class BadRequest(AppError):
    """The request cannot be understood."""

    status, code = 400, "bad-request"


class Unauthenticated(AppError):
    """Nobody we know: no token, or one that does not hold."""

    status, code = 401, "unauthenticated"


class Forbidden(AppError):
    """Somebody we know, who may not do this."""

    status, code = 403, "forbidden"


class NotFound(AppError):
    """Not there, or another learner's."""

    status, code = 404, "not-found"


class MethodNotAllowed(AppError):
    """The thing is there; the method is not."""

    status, code = 405, "method-not-allowed"


class Conflict(AppError):
    """Somebody else was faster; `extra["current_version"]` says where things stand."""

    status, code = 409, "conflict"


class TooLarge(AppError):
    """More than the stated limit."""

    status, code = 413, "too-large"


class UnsupportedMediaType(AppError):
    """A content type this route does not take."""

    status, code = 415, "unsupported-media-type"


class Invalid(AppError):
    """Understood, but it does not fit; `errors` says where."""

    status, code = 422, "invalid"


class RateLimited(AppError):
    """Too many requests; `retry_after` says when to come back."""

    status, code, retryable = 429, "rate-limited", True


class Unavailable(AppError):
    """Something this needs is down."""

    status, code, retryable = 503, "unavailable", True


class DeadlineExceeded(AppError):
    """It took longer than the caller can wait."""

    status, code, retryable = 504, "deadline-exceeded", True


class ProviderRejected(Invalid):
    """A provider refuses this request whoever asks again: the caller's input is at fault."""

    code = "provider-rejected"


class ProviderUnavailable(Unavailable):
    """A provider cannot answer now: an outage, a throttle, a timeout. The hub goes on to the next one."""

    code = "provider-unavailable"
