"""How the parts are reached, with development keys that are public on purpose: they open loopback ports alone."""

from local.ports import HOST, Ports

SERVICE_BUS_KEY_NAME = "RootManageSharedAccessKey"
SERVICE_BUS_KEY = "SAS_KEY_VALUE"
SIGNALR_ACCESS_KEY = "bG9jYWwtZGV2ZWxvcG1lbnQtc2lnbmFsci1hY2Nlc3Mta2V5LTAwMDE="
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def connection_settings(ports: Ports) -> dict[str, str]:
    """Connection strings of the local parts, by the names that the app and its triggers use."""
    storage = f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
    for kind, port in (("Blob", ports.blob), ("Queue", ports.queue), ("Table", ports.table)):
        storage += f"{kind}Endpoint=http://{HOST}:{port}/{AZURITE_ACCOUNT};"
    bus = "localhost" if ports.servicebus == Ports.servicebus else f"localhost:{ports.servicebus}"
    bus_key = f"SharedAccessKeyName={SERVICE_BUS_KEY_NAME};SharedAccessKey={SERVICE_BUS_KEY}"
    signalr = f"Endpoint=http://{HOST};Port={ports.signalr};AccessKey={SIGNALR_ACCESS_KEY};Version=1.0;"
    return {
        "AzureWebJobsStorage": storage,
        "ServiceBusConnection": f"Endpoint=sb://{bus};{bus_key};UseDevelopmentEmulator=true;",
        "AzureSignalRConnectionString": signalr,
        "IDENTITY_ISSUERS": f"http://{HOST}:{ports.identity}",
    }
