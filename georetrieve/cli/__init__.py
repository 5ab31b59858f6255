"""The command line: parse, one library call, print."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``georetrieve``; an error meant for the user is one line and exit status 1."""
    from georetrieve.cli.app import app
    from georetrieve.errors import GeoRetrieveError

    try:
        app()
    except GeoRetrieveError as error:
        print(f"georetrieve: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough.
        sys.stderr.close()
        sys.exit(0)
