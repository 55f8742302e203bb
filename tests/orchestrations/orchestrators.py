"""The app's orchestrators by name, and Microsoft's Durable worker to run them as the Functions host has them run."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from azure.durable_functions.worker import DurableFunctionsWorker

from local.durable.wire import pb
from orchestrations import BLUEPRINTS


def orchestrators() -> dict[str, Callable[..., Any]]:
    """Every orchestrator of the app."""
    found = {}
    for blueprint in BLUEPRINTS:
        for builder in blueprint._function_builders:
            function = builder._function
            name = function.get_trigger().get_dict_repr().get("orchestration")
            if name and not name.startswith("BuiltIn__"):
                found[name] = function.get_user_function().orchestrator_function
    return found


def answered(orchestrator: Callable[..., Any], instance_id: str, past: Iterable[Any], new: Iterable[Any]) -> Any:
    """What the worker answers when the orchestrator has replayed the past and hears what is new."""
    request = pb.OrchestratorRequest(instanceId=instance_id, pastEvents=past, newEvents=new)
    encoded = base64.b64encode(request.SerializeToString()).decode()
    worker = DurableFunctionsWorker()
    return pb.OrchestratorResponse.FromString(
        base64.b64decode(worker.execute_orchestration_request(orchestrator, encoded))
    )
