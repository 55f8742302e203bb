"""`python -m local`: run the stack, look at it, get a token."""

import argparse
import asyncio
import json
import os
import sys

from local.ports import Ports, answers


def main() -> int:
    """Run one command; each imports only what it needs, so that `token` answers at once."""
    parser = argparse.ArgumentParser(prog="python -m local", description="SayZhong's local stack")
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="start every part and keep them running")
    run.add_argument("--port-base", metavar="N", help="listen on N, N+1, … instead of the usual ports")
    run.add_argument("--host", choices=("python", "func"), default="python", help="which Functions host runs the app")

    status = commands.add_parser("status", help="print each part and whether it is up")
    status.add_argument("--json", action="store_true", help="as JSON")

    token = commands.add_parser("token", help="print a bearer token of the local identity provider")
    token.add_argument("name", help="whose token: 1-64 letters, digits and . _ @ -")
    token.add_argument("--role", action="append", help="may be repeated: teacher, operator, service; else learner")
    token.add_argument("--tenant", default="sayzhong", metavar="T", help="the tenant; %(default)s if not given")
    token.add_argument("--expires", type=int, default=3600, metavar="SECONDS", help="%(default)s if not given")

    options = parser.parse_args()
    match options.command:
        case "run":
            from local.stack import supervisor

            chosen = {"LOCAL_PORT_BASE": options.port_base} if options.port_base else os.environ
            supervisor.run(Ports.from_environment(chosen), options.host)
        case "status":
            return _status(options.json)
        case "token":
            from local.identity.tokens import issue

            os.environ.update(Ports.of_running_stack().environment())
            print(issue(options.name, options.role or ["learner"], options.tenant, options.expires))
    return 0


def _status(as_json: bool) -> int:
    """Print every part and whether it is up; the exit code is 0 when all are."""
    from local.stack.parts import parts

    found = [
        {"name": part.name, "title": part.title, "address": part.address, "up": asyncio.run(answers(*part.ports))}
        for part in parts(Ports.of_running_stack())
    ]
    lines = [f"{part['title']:<18} {'up' if part['up'] else 'down':<5} {part['address']}" for part in found]
    print(json.dumps({"parts": found}, indent=2) if as_json else "\n".join(lines))
    return 0 if all(part["up"] for part in found) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:  # a port, name or setting that cannot be; the text is one line
        sys.exit(str(error))
