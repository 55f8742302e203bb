"""The lake's last lines, written when the process ends without its event loop."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from shared_code.domain.errors import AppError, Conflict
from shared_code.storage.account import CLIENT_OPTIONS, StorageAccount
from shared_code.storage.blobs import JSON_LINES
from shared_code.storage.failures import storage_failures
from shared_code.storage.identity import blocking_identity
from shared_code.storage.lake import Lake

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient


def flush_lake_at_exit(lake: Lake, account: StorageAccount) -> None:
    """Write what the lake still holds when the interpreter exits or is told to end (SIGTERM).

    A SIGTERM handler is set only where none is: whoever has one ends the process in an orderly way and closes the lake.
    It writes, then lets the signal have its way.
    """

    def flush() -> None:
        if lake.waiting:
            with suppress(AppError):  # storage is down, and there is no later
                _flush(lake, account)

    atexit.register(flush)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:

        def ended(signum: int, _frame: FrameType | None) -> None:
            flush()
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)

        signal.signal(signal.SIGTERM, ended)


def _flush(lake: Lake, account: StorageAccount) -> None:
    from azure.storage.blob import BlobServiceClient

    options: dict[str, Any] = CLIENT_OPTIONS | {"retry_total": 0}
    if account.connection_string:
        service = BlobServiceClient.from_connection_string(account.connection_string, **options)
    else:
        service = BlobServiceClient(account.blob_endpoint, credential=blocking_identity(account.client_id), **options)
    with service:
        lake.flush_blocking(lambda *block: _append(service, *block))


def _append(service: BlobServiceClient, container: str, name: str, block: bytes, at: int) -> None:
    """As Blobs.append: the position tells whether an append that was under way has landed."""
    from azure.core import MatchConditions
    from azure.storage.blob import ContentSettings

    client = service.get_blob_client(container, name)
    if at == 0:
        with suppress(Conflict), storage_failures(container):
            service.create_container(container)
        with suppress(Conflict), storage_failures(container):
            settings = ContentSettings(content_type=JSON_LINES)
            client.create_append_blob(content_settings=settings, match_condition=MatchConditions.IfMissing)
    try:
        with storage_failures(container):
            client.append_block(block, appendpos_condition=at)
    except Conflict:
        with storage_failures(container):
            if client.get_blob_properties().size != at + len(block):
                raise
