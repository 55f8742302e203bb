"""Where a Durable instance is managed, and the `durableClient` binding that tells an app so."""

from __future__ import annotations

import json

from azure.durable_functions.http.http_management_payload import HttpManagementPayload

ROOT = "/runtime/webhooks/durabletask"


class DurableLinks:
    """The addresses of instances, as clients are told them."""

    def __init__(self, origin: str, hub: str) -> None:
        self._base = origin + ROOT
        self._hub = hub
        self._query = f"taskHub={hub}&connection=Storage"

    def payload(self, instance: str) -> dict[str, str]:
        """The management URLs of an instance."""
        return dict(HttpManagementPayload(instance, f"{self._base}/instances/{instance}", self._query))

    def client(self, address: str) -> str:
        """The value of a `durableClient` binding: JSON that names the engine (`host:port`) and this API."""
        creation = f"{self._base}/orchestrators/{{functionName}}[/{{instanceId}}]?{self._query}"
        return json.dumps(
            {
                "taskHubName": self._hub,
                "connectionName": "Storage",
                "creationUrls": {"createNewInstancePostUri": creation},
                "managementUrls": self.payload("INSTANCEID"),
                "baseUrl": self._base,
                "httpBaseUrl": self._base,
                "rpcBaseUrl": address,
                "requiredQueryStringParameters": self._query,
                "useForwardedHost": False,
            }
        )
