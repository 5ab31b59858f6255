"""The command tree. Modules of the package are imported inside commands, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from georetrieve.cli import (
    bench,
    classify,
    encoders,
    engines,
    explain,
    index,
    item_map,
    items,
    label,
    name,
    page,
    samples,
    search,
    segment,
    serve,
    upkeep,
    words,
)

__all__ = ["app"]

app = typer.Typer(
    name="georetrieve",
    help="Find what looks like this in microfossil, thin-section and rock-CT images.\n\n"
    "Start with: georetrieve index ./slides, then georetrieve search slides some-image.jpg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        import georetrieve

        print(f"georetrieve {georetrieve.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command("index", epilog=index.EXAMPLES)(index.index)
app.command("search", epilog=search.EXAMPLES)(search.search)
app.command("items", epilog=items.EXAMPLES)(items.items)
app.command("classify", epilog=classify.EXAMPLES)(classify.classify)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain)
app.command("name", epilog=name.EXAMPLES)(name.name)
app.command("words", epilog=words.EXAMPLES)(words.words)
app.command("map", epilog=item_map.EXAMPLES)(item_map.map_items)
app.command("app", epilog=page.EXAMPLES)(page.app)
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.command("samples", epilog=samples.EXAMPLES)(samples.samples)
app.command("info")(upkeep.info)
app.command("engine", epilog=engines.EXAMPLES)(engines.engine)
app.command("prune")(upkeep.prune)
app.command("doctor")(upkeep.doctor)
app.add_typer(bench.app, name="bench")
app.add_typer(encoders.app, name="encoders")
app.add_typer(label.app, name="label")
app.add_typer(segment.app, name="segment")
