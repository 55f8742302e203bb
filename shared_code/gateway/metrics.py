"""What the gateway counts, through the OpenTelemetry API: it costs next to nothing where nothing exports it."""

from __future__ import annotations

from opentelemetry.metrics import get_meter

_meter = get_meter("sayzhong.gateway")

request_duration = _meter.create_histogram(
    "http.server.request.duration", unit="s", description="Duration of HTTP server requests, by route and status."
)
rate_limit_refusals = _meter.create_counter(
    "sayzhong.gateway.rate_limit.refusals", unit="{request}", description="Requests refused, by policy."
)
rate_limit_store_failures = _meter.create_counter(
    "sayzhong.gateway.rate_limit.store_failures",
    unit="{decision}",
    description="Decisions that let a request pass because the counter's store did not answer.",
)
breaker_changes = _meter.create_counter(
    "sayzhong.gateway.breaker.changes", unit="{change}", description="State changes of circuit breakers."
)
