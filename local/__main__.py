"""`python -m local`: run the stack, look at it, get a token."""

import argparse
import os
import sys

from local.ports import Ports


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
    token.add_argument("--role", action="append", help="may be repeated; learner if not given")
    token.add_argument("--tenant", default="sayzhong", metavar="T", help="the tenant; %(default)s if not given")
    token.add_argument("--expires", type=int, default=3600, metavar="SECONDS", help="%(default)s if not given")

    options = parser.parse_args()
    match options.command:
        case "run":
            from local.stack import supervisor

            chosen = {"LOCAL_PORT_BASE": options.port_base} if options.port_base else os.environ
            supervisor.run(Ports.from_environment(chosen), options.host)
        case "status":
            from local.stack.status import print_status

            return print_status(options.json)
        case "token":
            from local.identity.tokens import issue
            from local.stack.status import running_ports

            os.environ.update(running_ports().environment())
            print(issue(options.name, options.role or ["learner"], options.tenant, options.expires))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:  # a port, name or setting that cannot be; the text is one line
        sys.exit(str(error))
