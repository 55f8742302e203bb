"""`python -m local run`: every part a process, shown, started again when it dies, and ended with all others."""

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Mapping
from pathlib import Path

from local.connections import connection_settings
from local.paths import PROJECT, state_dir
from local.ports import Ports, answers, is_free
from local.settings_file import load
from local.stack.child import child
from local.stack.parts import Part, parts

GRACE = 10.0  # seconds a part has to end cleanly
PAUSE = 0.5  # seconds before a part that died is started again
TRIES = 3  # of a part that ends by itself before the stack was ready; afterwards it is started again for ever
LONGEST_LINE = 1 << 20  # bytes


def run(ports: Ports, host: str) -> None:
    """Run the stack until Ctrl-C or SIGTERM. Raises SystemExit with one line where it cannot start."""
    folder = state_dir()
    with (folder / "stack.lock").open("w") as lock:  # whoever dies, however, gives it up
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            advice = "end it, or give this one a folder of its own with LOCAL_STATE_DIR"
            raise SystemExit(f"A stack runs from {folder} already: {advice}.") from None
        (folder / "logs").mkdir(exist_ok=True)
        asyncio.run(_supervise(ports, host))


async def _supervise(ports: Ports, host: str) -> None:
    started = time.monotonic()
    everything = parts(ports, host)
    if taken := await _taken(everything):
        raise SystemExit(f"Ports already taken: {', '.join(taken)}. Free them, or move all with --port-base N.")
    stop, ready = asyncio.Event(), asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    faults: list[str] = []

    def give_up(fault: str) -> None:
        faults.append(fault)
        stop.set()

    environment = _environment(ports)
    record = state_dir() / "stack.json"  # where `status` and `token` find the stack
    record.write_text(json.dumps(ports.environment()))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_keep(part, environment, group, ready, give_up)) for part in everything]
        tasks.append(group.create_task(_announce(everything, started, ready)))
        await stop.wait()
        # The host before the others, so that it can give its locks and messages back while they are still there.
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait([task])
    record.unlink(missing_ok=True)
    _say("ended")
    if faults:
        raise SystemExit(faults[0])


async def _taken(everything: tuple[Part, ...]) -> list[str]:
    """Ports that something else listens on, with two seconds for a stack that was killed a moment ago."""
    for _ in range(20):
        taken = [f"{part.title} ({port})" for part in everything for port in part.ports if not is_free(port)]
        if not taken:
            break
        await asyncio.sleep(0.1)
    return taken


def _environment(ports: Ports) -> dict[str, str]:
    """What every part's process finds in its environment."""
    environment = {**os.environ, **ports.environment(), "PYTHONUNBUFFERED": "1"}
    environment["LOCAL_STATE_DIR"] = str(state_dir())
    environment["LEARNER_KEYS_FILE"] = str(state_dir() / "learner-keys.key")
    if ports != Ports():
        environment |= connection_settings(ports)
    # Core Tools would make no settings file, and know nothing of what the sample has learnt since it was made.
    load(PROJECT, environment)
    environment["languageWorkers__python__defaultExecutablePath"] = sys.executable
    return environment


async def _keep(
    part: Part,
    environment: Mapping[str, str],
    group: asyncio.TaskGroup,
    ready: asyncio.Event,
    give_up: Callable[[str], None],
) -> None:
    """Run the part until cancelled, again whenever it dies. The group's is its output, which lasts to its end."""
    tries = 0
    log = state_dir() / "logs" / f"{part.name}.log"
    log.unlink(missing_ok=True)
    streams = {"stdin": DEVNULL, "stdout": PIPE, "stderr": STDOUT, "limit": LONGEST_LINE}
    while True:
        async with child(*part.command, grace=GRACE, cwd=PROJECT, env=environment, **streams) as process:
            assert process.stdout is not None
            output = group.create_task(_show(part.name, process.stdout, log))
            await process.wait()
        last = await output
        tries += not ready.is_set() and (process.returncode or 0) > 0
        if tries == TRIES:
            return give_up(f"{part.title} cannot start: {last}")
        _say(f"{part.title} ended with code {process.returncode}; starting it again in {PAUSE} s")
        await asyncio.sleep(PAUSE)


async def _show(name: str, output: asyncio.StreamReader, log: Path) -> str:
    """Show a part's output to its end; the last line."""
    last = ""
    with log.open("ab", buffering=0) as file:
        while not output.at_eof():
            try:
                line = await output.readline()
            except ValueError:
                line = b"(a line too long to show)\n"
            file.write(line)
            last = line.decode(errors="replace").strip() or last
            if line and line.split(maxsplit=4)[3:4] != [b"DEBUG"]:  # date, time, logger, level: for the log alone
                _say(line.decode(errors="replace").rstrip(), by=name)
    return last


async def _announce(everything: tuple[Part, ...], started: float, ready: asyncio.Event) -> None:
    """Once all answer, say where they are."""
    for part in everything:
        while not await answers(*part.ports):
            await asyncio.sleep(0.05)
    ready.set()
    print(f"\nready after {time.monotonic() - started:.1f} s")
    for part in everything:
        print(f"  {part.title:<18} {part.address}")
    print(f"Ctrl-C ends everything; state stays in {state_dir()}\n", flush=True)


def _say(line: str, by: str = "stack") -> None:
    print(f"{by:>10} | {line}", flush=True)
