"""Installs peers into `.local/bench`, each into an environment of its own. Nothing of them is a requirement of ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from local.paths import PROJECT

FOLDER = PROJECT / ".local" / "bench"
FASTAPI = ("fastapi==0.165.0", "uvicorn[standard]==0.54.0", "pyjwt[crypto]==2.15.1", "limits==5.8.0", "httpx==0.28.1")
LITELLM = ("litellm[proxy]==1.108.7",)
PORTKEY = "@portkey-ai/gateway@1.15.2"


def python_of(name: str, *requirements: str) -> Path | None:
    """The Python of an environment with these packages; made when missing, None where it cannot be."""
    environment = FOLDER / name
    python, done = environment / "bin" / "python", environment / "installed"
    wanted = "\n".join(requirements)
    if done.exists() and done.read_text() == wanted:
        return python
    FOLDER.mkdir(parents=True, exist_ok=True)
    uv = [sys.executable, "-m", "uv"]
    made = _ran([*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(environment)])
    if not made or not _ran([*uv, "pip", "install", "--quiet", "--python", str(python), *requirements]):
        return None
    done.write_text(wanted)
    return python


def portkey() -> Path | None:
    """Portkey's server script; installed when missing, None where it cannot be."""
    script = FOLDER / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        (FOLDER / "portkey").mkdir(parents=True, exist_ok=True)
        prefix = ["--prefix", str(FOLDER / "portkey"), "--no-audit", "--no-fund", "--ignore-scripts"]
        _ran(["npm", "install", "--silent", *prefix, PORTKEY])
    return script if script.exists() else None


def nginx() -> str | None:
    """nginx, if it is there and can ask for authorisation."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        return None
    built = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    return program if "http_auth_request_module" in built else None


def _ran(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
