"""Microsoft's messages, service and event makers, from the part of its package that has no types for mypy."""

import durabletask.internal.helpers as helpers  # type: ignore[import-not-found]
import durabletask.internal.orchestrator_service_pb2 as pb  # type: ignore[import-not-found]
import durabletask.internal.orchestrator_service_pb2_grpc as service  # type: ignore[import-not-found]

__all__ = ["helpers", "pb", "service"]
