"""Reads typed values from the environment and collects what is wrong with them, instead of stopping at the first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SettingsError(Exception):
    """Settings are missing or wrong; the message has one line a fault and never a setting's value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("The settings do not fit:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = tuple(faults)


class Environment:
    """Typed reads. A fault is noted and a harmless value returned, so that the reading goes on."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._faults: list[str] = []

    def fault(self, name: str, what: str) -> None:
        """Note a fault."""
        self._faults.append(f"{name} {what}.")

    def raise_faults(self) -> None:
        """Raise SettingsError if anything was wrong."""
        if self._faults:
            raise SettingsError(self._faults)

    def text(self, name: str, *, required: bool = False, instead: str = "") -> str:
        """A text without surrounding blanks; `instead` names the setting that would have made this one needless."""
        value = self._values.get(name, "").strip()
        if required and not value:
            self.fault(name, f"is missing (or {instead})" if instead else "is missing")
        return value

    def words(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """A list, separated by commas."""
        return tuple(word.strip() for word in self.text(name, required=required).split(",") if word.strip())

    def url(self, name: str, *, required: bool = False, instead: str = "") -> str:
        """A URL: https, or http on this machine."""
        value = self.text(name, required=required, instead=instead)
        if value:
            self.check_url(name, value)
        return value

    def check_url(self, name: str, value: str) -> None:
        """Note a fault unless it is an https URL, or an http one on this machine."""
        parts = urlsplit(value)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            self.fault(name, "must hold https URLs (http only on this machine)")

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """A number within bounds."""
        value = self.text(name)
        try:
            number = float(value) if value else default
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            self.fault(name, f"must be a number from {least:g} to {most:g}")
            return default
        return number

    def key(self, name: str, *, at_least: int, required: bool = True) -> bytes:
        """A secret in base64, of so many bytes at least; empty where it is missing and need not be there."""
        value = self.text(name, required=required)
        try:
            key = base64.b64decode(value, validate=True)
        except binascii.Error:
            self.fault(name, "must be base64")
            return b""
        if value and len(key) < at_least:
            self.fault(name, f"must hold {at_least} bytes at least")
        return key
