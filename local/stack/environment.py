"""The app settings that point the app at the local parts, wherever they listen."""

from __future__ import annotations

from local.keys import AZURITE_ACCOUNT, AZURITE_KEY, SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME, SIGNALR_ACCESS_KEY
from local.ports import HOST, Ports


def connection_settings(ports: Ports) -> dict[str, str]:
    """Connection strings of the local parts, by the names that the app and its triggers use."""
    storage = [f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY}"]
    for kind, port in (("Blob", ports.blob), ("Queue", ports.queue), ("Table", ports.table)):
        storage.append(f"{kind}Endpoint=http://{HOST}:{port}/{AZURITE_ACCOUNT}")
    bus = "localhost" if ports.servicebus == Ports.servicebus else f"localhost:{ports.servicebus}"
    return {
        "AzureWebJobsStorage": ";".join(storage) + ";",
        "ServiceBusConnection": (
            f"Endpoint=sb://{bus};SharedAccessKeyName={SERVICE_BUS_KEY_NAME};"
            f"SharedAccessKey={SERVICE_BUS_KEY};UseDevelopmentEmulator=true;"
        ),
        "AzureSignalRConnectionString": (
            f"Endpoint=http://{HOST};Port={ports.signalr};AccessKey={SIGNALR_ACCESS_KEY};Version=1.0;"
        ),
        "IDENTITY_ISSUERS": f"http://{HOST}:{ports.identity}",
    }
