"""What the parts and the app find in their environment: where everything listens and stores."""

from __future__ import annotations

import os
import sys

from local.keys import AZURITE_ACCOUNT, AZURITE_KEY, SERVICE_BUS_KEY, SERVICE_BUS_KEY_NAME, SIGNALR_ACCESS_KEY
from local.paths import PROJECT, state_dir
from local.ports import HOST, Ports
from local.settings_file import SettingsUnreadable, load


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


def environment_of_parts(ports: Ports, host: str) -> dict[str, str]:
    """The whole environment of every part's process."""
    environment = {
        **os.environ,
        **ports.environment(),
        "LOCAL_STATE_DIR": str(state_dir()),
        "LEARNER_KEYS_FILE": str(state_dir() / "learner-keys.key"),
        "PYTHONUNBUFFERED": "1",
    }
    if ports != Ports():
        environment |= connection_settings(ports)
    if host == "func":  # they read the settings file too, but make none, and know nothing of what the sample has learnt
        environment["languageWorkers__python__defaultExecutablePath"] = sys.executable
        try:
            load(PROJECT, environment)
        except SettingsUnreadable as error:
            raise SystemExit(str(error)) from None
    return environment
