"""The settings, and the sample that a newcomer copies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.connections import connection_settings
from local.paths import PROJECT
from local.ports import Ports
from shared_code.environment import SettingsError
from shared_code.settings import Settings

HOSTS_OWN = {"FUNCTIONS_WORKER_RUNTIME", "OPENBLAS_NUM_THREADS"}  # read by the worker, and by numpy


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((PROJECT / "local.settings.sample.json").read_text())["Values"]
    return values


class Recording(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def test_the_sample_has_every_setting_and_no_other() -> None:
    environ = Recording(sample())
    Settings.from_environment(environ)
    assert environ.asked == set(sample()) - HOSTS_OWN


def test_the_sample_points_at_the_local_stack() -> None:
    assert sample().items() >= connection_settings(Ports()).items()


def test_every_fault_is_named_at_once_and_no_value_with_it() -> None:
    environ = {
        "IDENTITY_ISSUERS": "http://login.example",
        "IDENTITY_CLOCK_SKEW_SECONDS": "a-lot",
        "PSEUDONYM_KEY": "c2hvcnQ=",
        "TRUSTED_PROXIES": "99",
        "AZURE_SPEECH_KEY": "secret-of-speech",
        "RATE_LIMITS": "writes=many",
        "SERVICE_HOSTS": "content.example",
        "EDGE_MODE": "maybe",
        "EDGE_CONTEXT_KEY": "c2hvcnQ=",
        "REDIS_URL": "redis://redis.example",
    }
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(environ)
    for name in (
        "AzureWebJobsStorage", "ServiceBusConnection", "AzureSignalRConnectionString", "IDENTITY_ISSUERS",
        "IDENTITY_AUDIENCE", "IDENTITY_CLOCK_SKEW_SECONDS", "PSEUDONYM_KEY", "TRUSTED_PROXIES", "AZURE_SPEECH_KEY",
        "RATE_LIMITS", "REDIS_URL", "SERVICE_CONTEXT_KEY",
        "EDGE_MODE", "EDGE_CONTEXT_KEY", "LEARNER_KEYS_VAULT_KEY",
    ):  # fmt: skip
        assert any(fault.startswith(name) for fault in error.value.faults), name
    for value in ("login.example", "a-lot", "c2hvcnQ", "secret-of-speech", "redis.example"):
        assert value not in str(error.value)


def test_in_azure_addresses_take_the_place_of_connection_strings() -> None:
    environ = sample() | {
        "AzureWebJobsStorage": "", "ServiceBusConnection": "", "AzureSignalRConnectionString": "",
        "AzureWebJobsStorage__blobServiceUri": "https://sz.blob.core.windows.net",
        "AzureWebJobsStorage__tableServiceUri": "https://sz.table.core.windows.net",
        "AzureWebJobsStorage__clientId": "client-1",
        "ServiceBusConnection__fullyQualifiedNamespace": "sz.servicebus.windows.net",
        "AzureSignalRConnectionString__serviceUri": "https://sz.service.signalr.net",
        "LEARNER_KEYS_VAULT_KEY": "https://sz.vault.azure.net/keys/learners",
    }  # fmt: skip
    settings = Settings.from_environment(environ)
    assert settings.storage.table == "https://sz.table.core.windows.net"
    assert settings.storage.client_id == "client-1"
    assert settings.service_bus.address == "sz.servicebus.windows.net"
    assert settings.learner_keys.vault_key == "https://sz.vault.azure.net/keys/learners"
    assert settings.learner_keys.client_id == "client-1"
    assert settings.signalr.address == "https://sz.service.signalr.net"


def test_secrets_are_not_in_the_representation() -> None:
    shown = repr(Settings.from_environment(sample() | {"AZURE_SPEECH_KEY": "speech-key", "AZURE_SPEECH_REGION": "x"}))
    for secret in ("AccountKey", "SAS_KEY_VALUE", "AccessKey", "pseudonym-key", "speech-key"):
        assert secret not in shown


def test_an_edge_that_is_switched_on_must_have_a_name() -> None:
    with pytest.raises(SettingsError, match="EDGE_PRINCIPALS"):
        Settings.from_environment(sample() | {"EDGE_MODE": "header"})
