"""`python -m local.identity`: run the provider."""

from __future__ import annotations

import argparse
import logging
import sys

from aiohttp import web

from local.identity.keys import rotate, signing_keys
from local.identity.server import application
from local.identity.tokens import issuer
from local.ports import HOST, Ports

log = logging.getLogger("local.identity")


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.identity", description="OpenID provider for development")
    parser.add_argument("--rotate", action="store_true", help="make a new signing key and end; the old one stays known")
    if parser.parse_args().rotate:
        print(rotate().key_id)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signing_keys()
    port = Ports.from_environment().identity
    try:
        log.info("listening at %s", issuer())
        web.run_app(application(), host=HOST, port=port, print=None, access_log=None, shutdown_timeout=2)
    except OSError:
        print(f"Port {port} is taken; the identity provider cannot listen.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
