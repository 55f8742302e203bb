"""The app as the Functions host finds it."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from importlib.metadata import distributions

import functions
import orchestrations
from local.paths import PROJECT

LOOK = """
import json, sys
import function_app
found = [function.get_function_name() for function in function_app.app.get_functions()]
print(json.dumps({"functions": found, "modules": sorted(sys.modules)}))
"""
VENDORS = (
    "azure.servicebus",
    "azure.data",
    "azure.storage",
    "azure.cognitiveservices",
    "azure.identity",
    "openai",
    "numpy",
)
OURS = ("function_app", "functions", "orchestrations", "shared_code", "local", "tests", "scripts", "benchmarks")


def looked() -> dict[str, list[str]]:
    """What the app has, and what importing it has loaded, in a process of its own."""
    run = subprocess.run([sys.executable, "-c", LOOK], cwd=PROJECT, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(run.stdout)
    return found


def test_trigger_modules_import_no_vendors_sdk() -> None:
    """A cold start pays for no SDK that the first request may not need."""
    loaded = [name for name in looked()["modules"] if name.startswith(VENDORS)]
    assert loaded == []


def test_functions_carry_their_trigger_in_their_name() -> None:
    """The portal and the logs are flat lists; sagas and activities are named for what they do."""
    names = [name for name in looked()["functions"] if not name.startswith("BuiltIn__")]
    assert len(names) == len(set(names))
    kinds = {name.partition("_")[0] for name in names if name.startswith(("http_", "bus_", "rt_", "timer_"))}
    assert kinds == {"http", "bus", "rt", "timer"}


def test_every_blueprint_is_registered() -> None:
    """A blueprint that nobody registers is silently absent."""
    for package in (functions, orchestrations):
        written = {
            module.name: importlib.import_module(module.name)
            for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        }
        forgotten = [
            name
            for name, module in written.items()
            if hasattr(module, "bp") and not any(module.bp is registered for registered in package.BLUEPRINTS)
        ]
        assert forgotten == []


def test_no_distribution_has_a_module_of_our_names() -> None:
    """Azure puts site-packages before the app's folder: a third party would win."""
    theirs = {
        str(file).partition("/")[0].removesuffix(".py")
        for distribution in distributions()
        for file in distribution.files or ()
    }
    assert theirs.isdisjoint(OURS)
