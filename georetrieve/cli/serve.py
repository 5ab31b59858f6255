"""``georetrieve serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Bars, remark
from georetrieve.cli.runtime import RuntimeOptions

__all__ = ["EXAMPLES", "serve"]

EXAMPLES = """Examples:

georetrieve serve

georetrieve serve slides --port 9000

georetrieve serve --encoder vit_small_patch16_224@scampi.pth --backend auto

curl -F file=@specimen.jpg "http://127.0.0.1:8765/search?k=5"
"""


@with_groups
def serve(
    index: Annotated[
        str | None,
        typer.Argument(metavar="INDEX", help="Name under indexes/, or a path; without: no search."),
    ] = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            "-e",
            help="Served encoder; may be repeated, the first is the default. "
            "[default: the index's first, else bundled]",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name the server is reached by, beside its own; may be repeated."),
    ] = None,
    max_mb: Annotated[float, typer.Option(help="Largest request, MiB.", min=0.001)] = 32,
    rate: Annotated[
        float, typer.Option(help="Requests a second and client address; 0: no limit.", min=0)
    ] = 100,
    max_batch: Annotated[int, typer.Option(help="Images encoded at once.", min=1)] = 32,
    max_delay_ms: Annotated[
        float, typer.Option(help="Longest wait for others to share a batch.", min=0)
    ] = 5,
    cache_mb: Annotated[float, typer.Option(help="Vectors kept, MiB; 0: none.", min=0)] = 64,
    *,
    running: RuntimeOptions,
) -> None:
    """Serve vectors and search over HTTP: /embed, /search, /healthz, /metrics, /docs.

    The index is served as it is now; start again after indexing. Ctrl-C stops taking requests,
    answers those it has, and ends.
    """
    from georetrieve.serving.limits import Limits
    from georetrieve.serving.run import ServerOptions, is_loopback, needs_extra
    from georetrieve.serving.run import serve as run

    needs_extra()
    if not is_loopback(host):
        remark(
            f"warning: {host} can be reached from other machines, and there is no password; "
            "use it behind a firewall or a proxy that asks for one"
        )
    options = ServerOptions(
        index=index,
        encoders=encoder or (),
        host=host,
        port=port,
        limits=Limits(max_mb=max_mb, rate=rate, hosts=tuple(allow_host or ())),
        runtime=running.runtime(),
        max_batch=max_batch,
        max_delay_ms=max_delay_ms,
        cache_mb=cache_mb,
    )
    try:
        with Bars() as bars:
            run(
                options,
                ready=lambda url: remark(f"{url} (description: {url}/docs; Ctrl-C ends it)"),
                progress=bars,
            )
    except KeyboardInterrupt:
        remark("ended")
