"""Development credentials of the local stack. They are public on purpose and open nothing but loopback ports."""

SERVICE_BUS_KEY_NAME = "RootManageSharedAccessKey"
SERVICE_BUS_KEY = "SAS_KEY_VALUE"
SIGNALR_ACCESS_KEY = "bG9jYWwtZGV2ZWxvcG1lbnQtc2lnbmFsci1hY2Nlc3Mta2V5LTAwMDE="
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
