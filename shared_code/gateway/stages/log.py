"""What happened, for the data lake."""

from __future__ import annotations

import time

from shared_code.domain.clock import rfc3339
from shared_code.domain.errors import AppError
from shared_code.gateway.http import Endpoint, Record, Request, Response
from shared_code.gateway.metrics import request_duration


class Log:
    """Records each request and its response time, off the request's path, and measures it by route.

    A record names the route's template and the caller's pseudonym. It has no path, query, address or body, because
    those can hold a learner's words or say who somebody is.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

    async def __call__(self, request: Request, proceed: Endpoint) -> Response:
        """Let the request through and record how it ended, also when it failed or was cancelled."""
        started = time.perf_counter()
        status, code, size = 499, "cancelled", 0  # 499: nginx's "client closed request"
        try:
            response = await proceed(request)
            status, code, size = response.status, "ok", len(response.payload())
        except AppError as error:
            status, code = error.status, error.code
            raise
        except Exception:
            status, code = 500, "internal"
            raise
        finally:
            seconds = time.perf_counter() - started
            self._write(request, status, code, size, round(seconds * 1000, 3))
            _measure(request, status, seconds)
        return response

    def _write(self, request: Request, status: int, code: str, size: int, milliseconds: float) -> None:
        caller = request.principal
        timing = {
            "time": rfc3339(request.received_at),
            "correlation_id": request.correlation_id,
            "route": request.route.template,
            "status": status,
            "ms": milliseconds,
        }
        access = {
            **timing,
            "trace_id": request.traceparent[3:35],
            "code": code,
            "request_bytes": len(request.body),
            "response_bytes": size,
            "caller": caller.pseudonym if caller else None,
            "tenant": caller.tenant if caller else None,
            "roles": sorted(caller.roles) if caller else [],
            **request.edge,
        }
        self._record("integration", "api_gateway/request_logs", access)
        self._record("monitoring", "api_performance/request_response_times", timing)


def _measure(request: Request, status: int, seconds: float) -> None:
    """The metric and attributes that OpenTelemetry names (opentelemetry.io, semantic conventions for HTTP metrics)."""
    attributes = {
        "http.request.method": request.method,
        "http.route": f"/api/{request.route.path}",
        "http.response.status_code": status,
    }
    request_duration.record(seconds, attributes)
