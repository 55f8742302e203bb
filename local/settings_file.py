"""`local.settings.json`, the app's settings on a developer's machine, as Azure Functions Core Tools read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import MutableMapping
from pathlib import Path

SETTINGS = "local.settings.json"
SAMPLE = "local.settings.sample.json"


class SettingsUnreadable(Exception):
    """The file is not what Core Tools write. The text is one line."""


def load(folder: Path, environment: MutableMapping[str, str]) -> None:
    """Put the folder's settings into the environment; what is already there wins. Made from the sample when missing.

    A setting that the sample has learnt since comes from there. Raises SettingsUnreadable. Without file and sample the
    environment alone counts.
    """
    path, sample = folder / SETTINGS, folder / SAMPLE
    if not path.exists():
        if not sample.exists():
            return
        shutil.copyfile(sample, path)
        path.chmod(0o600)  # it is where people put real keys
    values = _values(path)
    if sample.exists():
        values = _values(sample) | values
    for name, value in values.items():
        environment.setdefault(name, value)


def _values(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        values: dict[str, str] = stored.get("Values", {})
        if stored.get("IsEncrypted") or not all(isinstance(value, str) for value in values.values()):
            raise SettingsUnreadable(f"{path}: 'Values' must be texts, and not encrypted ('IsEncrypted': false)")
    except (ValueError, AttributeError) as error:
        raise SettingsUnreadable(f"{path}: {error}") from error
    return values
