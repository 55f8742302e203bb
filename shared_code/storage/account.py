"""Which storage account, and how we prove who we are to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Neither SDK looks into the environment for proxies and .netrc: that costs two threads' hops a request. Retries are
# few and quick, because callers have deadlines and the event store repeats what must not be lost.
CLIENT_OPTIONS: dict[str, Any] = {
    "use_env_settings": False,
    "connection_timeout": 3,
    "read_timeout": 10,
    "retry_total": 3,
    "retry_backoff_factor": 0.2,
    "retry_backoff_max": 2,
}


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """Either a connection string, locally, or endpoints and an identity, in Azure (see storage/identity.py)."""

    connection_string: str = field(default="", repr=False)
    table_endpoint: str = ""
    blob_endpoint: str = ""
    client_id: str = ""
