"""The files of the data lake: container, area, name."""

from __future__ import annotations

LAKE_FILES: dict[str, frozenset[str]] = {
    "integration": frozenset(
        {
            "api_gateway/request_logs",
            "api_gateway/authentication_logs",
            "api_gateway/rate_limiting_data",
            "api_gateway/service_routing_data",
            "external_services/azure_openai_usage",
            "external_services/speech_service_usage",
            "external_services/phonetic_analysis_api_logs",
            "external_services/third_party_integration_logs",
            "event_bus/event_publication_logs",
            "event_bus/event_processing_logs",
            "event_bus/saga_coordination_data",
            "event_bus/event_replay_data",
        }
    ),
    "monitoring": frozenset(
        {
            "api_performance/request_response_times",
            "api_performance/service_health_data",
            "api_performance/circuit_breaker_logs",
            "api_performance/load_balancing_metrics",
            "integration_health/external_service_status",
            "integration_health/dependency_health_checks",
            "integration_health/integration_error_logs",
            "integration_health/performance_optimization_data",
        }
    ),
    "realtime": frozenset(
        {
            "connection_management/active_connections",
            "connection_management/session_coordination_data",
            "connection_management/websocket_performance",
            "connection_management/signalr_usage_data",
            "interaction_logs/real_time_interactions",
            "interaction_logs/collaborative_session_logs",
            "interaction_logs/feedback_delivery_logs",
            "interaction_logs/notification_delivery_logs",
        }
    ),
}
