"""``georetrieve search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.engines import Engine, EngineOption
from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import DeviceOption
from georetrieve.cli.words import Prompts

__all__ = ["EXAMPLES", "search"]

EXAMPLES = """Examples:

georetrieve search slides specimen.jpg

georetrieve search slides photo.tif --region 1024,2048,300,280 -k 20 --save neighbours.png

georetrieve search slides + wetzeliella.jpg - folded.jpg --where "depth > 2000"

georetrieve search slides "slide_00.tif#812,440,96,91" --exclude-group --format json

georetrieve search ores --text "lead glance" -k 50

georetrieve search ores --text "galena - quartz" - pyrite.jpg

georetrieve search ores + text:covellite + 2*blue.jpg --where "depth > 200"
"""

SHOWN = ["rank", "id", "label", "score", "percentile", "group", "um_per_px"]
SHOWN_FOR_WORDS = ["rank", "id", "label", "score", "fit", "group", "um_per_px"]


def search(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY...",
            help="Image files, FILE#x,y,w,h, item ids or text:WORDS; '+' and '-' before one add or "
            "take away, '2*FILE' weighs.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS",
            help="Words, for an encoder of images and texts (CLIP, SigLIP); '+' and '-' after a "
            'space add and take away: "galena - quartz"; may be repeated.',
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H", help="Part of the one query image, in its full-size pixels."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many neighbours.")] = 10,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Condition on item columns, say \"label = 'azolla' AND depth > 2000\"."),
    ] = None,
    exclude_group: Annotated[
        bool, typer.Option("--exclude-group", help="Leave out the query's own slide, well, volume.")
    ] = False,
    prompts: Annotated[
        Prompts,
        typer.Option(
            help="Sentences that words are put into; auto: by what the vocabulary knows them as, "
            "raw: none."
        ),
    ] = Prompts.auto,
    vocabulary: Annotated[
        Path | None, typer.Option(help="TOML file of your own words and synonyms.")
    ] = None,
    cutoff: Annotated[
        float,
        typer.Option(
            help="Leave out hits of words that fit no better than this share of words that fit "
            "nothing."
        ),
    ] = 0.95,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show hits of words below the cutoff, too.")
    ] = False,
    save: Annotated[
        list[Path] | None,
        typer.Option(help="Write a sheet of query and neighbours: .png or .html; may be repeated."),
    ] = None,
    engine: EngineOption = Engine.auto,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Find what looks like an image, a region of one, an item, words, or a sum of several."""
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.search import Index
    from georetrieve.vocabulary import load_vocabulary

    words = query or []
    if region is not None:
        if len(words) != 1:
            raise typer.BadParameter("--region goes with one image; write FILE#x,y,w,h for several")
        words = [f"{words[0]}#{region.replace(' ', '')}"]
    with (
        Bars() as bars,
        Index.open(
            index,
            runtime=Runtime(device=device),
            engine=engine.value,
            progress=bars,
            vocabulary=None if vocabulary is None else load_vocabulary(vocabulary),
        ) as opened,
    ):
        asked = opened.parse(words, texts=text or [], style=prompts.value)
        result = opened.search(
            asked,
            k,
            encoder=encoder,
            where=where,
            exclude_group=exclude_group,
            cutoff=cutoff,
            show_all=show_all,
        )
        if save:
            from georetrieve.reports.neighbours import save_neighbours

            for path in save:
                save_neighbours(path, result, [opened.picture(part) for part in asked.parts])
    if form is Format.json:
        print(result.to_json())
    elif form is Format.csv:
        print(result.to_csv(), end="")
    else:
        emit(result.rows(), form, SHOWN_FOR_WORDS if result.texts else SHOWN)
    for line in result.remarks:
        remark(line)
    for path in save or ():
        remark(f"sheet: {path}")
