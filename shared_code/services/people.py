"""People and their pseudonyms."""

from __future__ import annotations

from shared_code.domain.pseudonyms import pseudonym


class People:
    """Knows the key under which people's pseudonyms are made."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def pseudonym(self, tenant: str, person: str) -> str:
        """The pseudonym of a person of a tenant."""
        return pseudonym(self._key, tenant, person)
