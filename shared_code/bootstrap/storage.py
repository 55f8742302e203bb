"""What is kept: tables, blobs, the data lake, the learners' keys."""

from __future__ import annotations

from msgspec import Struct

from shared_code.domain.clock import utc_now
from shared_code.settings import Settings
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.lake import Lake
from shared_code.storage.last_flush import flush_lake_at_exit
from shared_code.storage.sealing.file_wrapper import FileWrapper
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.sealing.vault_wrapper import VaultWrapper
from shared_code.storage.sealing.wrapping import KeyWrapper
from shared_code.storage.tables import Tables


class Storage(Struct, frozen=True, kw_only=True):
    """One storage account, and the keys that seal what is a learner's in it."""

    tables: Tables
    blobs: Blobs
    lake: Lake
    keys: LearnerKeys


def build_storage(settings: Settings) -> Storage:
    """The storage of these settings. What the lake still holds is written when the process ends."""
    account = StorageAccount(
        connection_string=settings.storage.string,
        table_endpoint=settings.storage.table,
        blob_endpoint=settings.storage.blob,
        client_id=settings.storage.client_id,
    )
    tables, blobs = Tables(account), Blobs(account)
    lake = Lake(blobs)
    flush_lake_at_exit(lake, account)
    return Storage(tables=tables, blobs=blobs, lake=lake, keys=LearnerKeys(tables, _wrapper(settings), utc_now))


def _wrapper(settings: Settings) -> KeyWrapper:
    """Key Vault where it is configured, else a file."""
    if settings.learner_keys.vault_key:
        return VaultWrapper(settings.learner_keys.vault_key, settings.learner_keys.client_id)
    return FileWrapper(settings.learner_keys.file)
