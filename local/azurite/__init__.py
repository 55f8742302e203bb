"""How Azurite is started: on loopback, on our ports, with the journal that survives a `kill -9`."""

import shutil
from pathlib import Path

from local.paths import PROJECT
from local.ports import HOST, Ports


def azurite_command(ports: Ports, folder: Path) -> list[str]:
    """The arguments that run blob, queue and table storage with their data in `folder`, which is made when missing.

    The API version check is off because Azure's SDKs are newer than the newest version Azurite knows of.
    """
    command = [shutil.which("node") or "node"]
    for preloaded in ("lean.js", "journal.js"):
        command += ["--require", str(Path(__file__).with_name(preloaded))]
    command.append(str(PROJECT / "node_modules/azurite/dist/src/azurite.js"))
    for kind, port in (("blob", ports.blob), ("queue", ports.queue), ("table", ports.table)):
        command += [f"--{kind}Host", HOST, f"--{kind}Port", str(port)]
    return [*command, "--location", str(folder), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
