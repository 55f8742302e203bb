"""`python -m local.identity`: run the provider."""

from __future__ import annotations

import argparse
import logging
import sys

from aiohttp import web

from local.identity.keys import published_keys, rotate
from local.identity.server import application
from local.identity.tokens import issuer
from local.ports import HOST, Ports

log = logging.getLogger("local.identity")


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.identity", description="OpenID provider for development")
    parser.add_argument("--rotate", action="store_true", help="let the next key sign, make another one, and end")
    if parser.parse_args().rotate:
        print(rotate().key_id)
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    published_keys()
    port = Ports.from_environment().identity
    try:
        web.run_app(
            application(),
            host=HOST,
            port=port,
            print=lambda _: log.info("listening on %s", issuer()),
            access_log=None,
            shutdown_timeout=2,
        )
    except OSError:
        print(f"Port {port} is taken; the identity provider cannot listen.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
