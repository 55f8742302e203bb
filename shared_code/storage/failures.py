"""What storage failures mean to us. No exception of an Azure SDK leaves this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared_code.domain.errors import AppError, Conflict, NotFound, TooLarge, Unavailable

_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class StorageRefused(AppError):
    """Storage does not take the request as we wrote it: a fault of ours, which trying again does not mend."""

    code = "storage-refused"


@contextmanager
def storage_failures(what: str) -> Iterator[None]:
    """Turn failures of the Azure SDKs into ours: NotFound, Conflict, TooLarge, Unavailable, StorageRefused.

    A refused or unobtainable identity counts as Unavailable: it is a matter of operation, not of the request.
    """
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

    try:
        yield
    except ClientAuthenticationError as error:
        raise Unavailable(f"{what}: no identity to show to storage") from error
    except HttpResponseError as error:
        status = error.status_code or 503
        if status in (401, 403):
            raise Unavailable(f"{what}: storage does not accept our identity") from error
        if status == 404:
            raise NotFound(f"{what}: not there") from error
        if status in (409, 412):
            raise Conflict(f"{what}: changed by somebody else") from error
        if status == 413:
            raise TooLarge(f"{what}: larger than storage takes") from error
        if status in _PASSING:
            raise Unavailable(f"{what}: storage is busy or down") from error
        raise StorageRefused(f"{what}: storage refused the request") from error
    except AzureError as error:
        raise Unavailable(f"{what}: storage cannot be reached") from error
