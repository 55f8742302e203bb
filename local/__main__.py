"""`python -m local`: run the stack, look at it, get a token."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields

from local.ports import Ports

ROLES = ("learner", "teacher", "operator", "service", "platform")


def _port_base(text: str) -> int:
    """A port that has room for every part's above it."""
    base, last = int(text), 65_536 - len(fields(Ports))
    if not 1 <= base <= last:
        raise argparse.ArgumentTypeError(f"{base} is not 1 to {last}")
    return base


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="SayZhong's local stack")
    commands = parser.add_subparsers(dest="command", required=True)

    run = commands.add_parser("run", help="start every part and keep them running")
    run.add_argument("--port-base", type=_port_base, metavar="N", help="listen on N, N+1, … instead of the usual ports")
    run.add_argument("--host", choices=("python", "func"), default="python", help="which Functions host runs the app")

    status = commands.add_parser("status", help="print each part and whether it is up")
    status.add_argument("--json", action="store_true", help="as JSON")

    token = commands.add_parser("token", help="print a bearer token of the local identity provider")
    token.add_argument("name", help="whose token: 1-64 letters, digits and . _ @ -")
    token.add_argument("--role", action="append", choices=ROLES, help="may be repeated; learner if not given")
    token.add_argument("--tenant", default="sayzhong", metavar="T", help="the tenant; %(default)s if not given")
    token.add_argument(
        "--expires", type=int, default=3600, metavar="SECONDS", help="its lifetime; %(default)s if not given"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; each imports only what it needs, so that `token` answers at once."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "run":
            from local.stack.supervisor import run

            if options.port_base is not None:
                os.environ["LOCAL_PORT_BASE"] = str(options.port_base)
            return run(Ports.from_environment(), options.host)
        case "status":
            from local.stack.status import status

            return status(options.json)
        case _:
            from local.identity.tokens import issue
            from local.stack.status import running_ports

            os.environ.update(running_ports().environment())
            try:
                print(issue(options.name, options.role or ["learner"], options.tenant, options.expires))
            except ValueError as error:
                print(error, file=sys.stderr)
                return 1
            return 0


if __name__ == "__main__":
    sys.exit(main())
