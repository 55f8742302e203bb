"""Our identity in Azure: the app's managed identity, or a developer's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
    from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
    from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential


def identity(client_id: str) -> AsyncDefaultAzureCredential | AsyncManagedIdentityCredential:
    """The user-assigned managed identity of this client id, else what DefaultAzureCredential finds. Close it."""
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id) if client_id else DefaultAzureCredential()


def blocking_identity(client_id: str) -> DefaultAzureCredential | ManagedIdentityCredential:
    """The same for clients without an event loop."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id) if client_id else DefaultAzureCredential()
