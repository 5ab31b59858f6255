"""``georetrieve app``."""

from __future__ import annotations

from typing import Annotated

import typer

from georetrieve.cli.output import remark

__all__ = ["EXAMPLES", "app"]

EXAMPLES = """Examples:

georetrieve app slides

georetrieve app --port 9001 --no-browser
"""


def app(
    index: Annotated[
        str | None,
        typer.Argument(
            metavar="INDEX",
            help="Name under indexes/, or a path. [default: the first under indexes/]",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 8501,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name the page is reached by, beside its own; may be repeated."),
    ] = None,
    max_mb: Annotated[int, typer.Option(help="Largest file taken, MiB.", min=1)] = 64,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open the page: browse, query, label, look at slides, map, segment, compare reports.

    Ctrl-C ends it. Everything it does, the other commands do too.
    """
    import webbrowser

    from georetrieve.serving.page_server import PageOptions, run_page
    from georetrieve.serving.run import is_loopback

    if not is_loopback(host):
        remark(
            f"warning: {host} can be reached from other machines, and there is no password; "
            "use it behind a firewall or a proxy that asks for one"
        )

    def ready(url: str) -> None:
        remark(f"{url} (Ctrl-C ends it)")
        if browser and is_loopback(host):
            webbrowser.open(url)

    options = PageOptions(
        index=index, host=host, port=port, hosts=tuple(allow_host or ()), max_mb=max_mb
    )
    try:
        run_page(options, ready=ready)
    except KeyboardInterrupt:
        remark("ended")
