"""`local.settings.json`, the app's settings on a developer's machine, as Azure Functions Core Tools read it."""

import shutil
from collections.abc import MutableMapping
from pathlib import Path

import msgspec


class SettingsUnreadable(ValueError):
    """The file is not what Core Tools write. The text is one line."""


class _Settings(msgspec.Struct, rename="pascal"):
    values: dict[str, str] = {}
    is_encrypted: bool = False


def load(folder: Path, environment: MutableMapping[str, str]) -> None:
    """Put the folder's settings into the environment; what is already there wins. Made from the sample when missing.

    A setting that the sample has learnt since comes from there. Raises SettingsUnreadable. Without file and sample the
    environment alone counts.
    """
    path, sample = folder / "local.settings.json", folder / "local.settings.sample.json"
    if sample.exists() and not path.exists():
        shutil.copyfile(sample, path)
        path.chmod(0o600)  # it is where people put real keys
    for file in filter(Path.exists, (path, sample)):
        try:
            settings = msgspec.json.decode(file.read_bytes(), type=_Settings)
        except msgspec.DecodeError as error:
            raise SettingsUnreadable(f"{file}: {error}") from error
        if settings.is_encrypted:
            raise SettingsUnreadable(f"{file}: only Core Tools can read it encrypted ('IsEncrypted': true)")
        for name, value in settings.values.items():
            environment.setdefault(name, value)
