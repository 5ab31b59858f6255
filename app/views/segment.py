"""From clicks to a mineral map: name classes, click where they are, map, mend, take away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from app.colours import label_colours
from app.components.palette import ClassRow, palette
from app.components.viewer import Mode, Overlay, Point, Seen, Viewed, viewer
from app.opened import Opened
from app.segment_desk import Desk, MadeMap, desk_of
from app.segment_drafts import again, keep, offer_clearing, offer_earlier
from app.segment_files import load_files, map_zip, offer_model, save_files, tell
from app.segment_images import MapImage, choose_image, shown_by
from app.segment_run import How, choose_how, make_map, warm_up
from app.segment_steps import (
    PALETTE,
    VIEWER,
    catch_up,
    say_wrong,
    shown_classes,
    shown_image,
    undo,
)
from app.trouble import plain, told
from app.viewing import viewed
from georetrieve.reports.maps.layers import UNSURE
from georetrieve.vocabulary import load_vocabulary

__all__ = ["show"]

HEIGHT = 540
MODES: dict[str, Mode] = {"Points": "point", "Region": "region"}
LAYERS = ("Map", "Uncertainty", "Image")
UNNAMED = "#888888"  # a click while no class is named
WHOLE, REGION = "Whole image", "Region"
# No text from outside.
UNSURE_LEGEND = (
    '<div style="display:flex;gap:.5rem;align-items:center;font-size:.8rem">The map is sure'
    '<i style="width:9rem;height:.6rem;border-radius:.3rem;border:1px solid #8888;background:'
    f'linear-gradient(90deg,transparent,rgb{UNSURE})"></i>a guess between the classes</div>'
)
SLOW_PIXELS = 16_000_000  # from here on a region should be tried first
PIXELS_A_MINUTE = 9_000_000  # on a small machine
FIRST_NAMES = ("pore", "quartz", "plagioclase", "alkali feldspar", "biotite", "calcite", "opaque")


def show(opened: Opened) -> None:
    """Show the page."""
    warm_up()
    desk = desk_of(opened)
    catch_up(desk)
    keep(opened, desk)  # whatever changed it
    tell()
    with st.sidebar:
        image = choose_image(opened)
        if image is None:
            return
        with st.expander("How it is mapped", icon=":material/tune:"):
            how = choose_how(opened)
        with st.expander("Load and save", icon=":material/folder_open:"):
            load_files(opened, desk, image)
            made = desk.maps.get(_key(image))
            save_files(opened, desk, made)
            offer_clearing(opened, desk)
    left, right = st.columns([7, 2], gap="small")
    with left:
        seen, shown = _viewer(opened, desk, image, how, made)
    with right:
        _classes(opened, desk, made)
        offer_earlier(opened, desk)
        if shown is not None:
            _make(opened, desk, image, how, shown)
    if seen is not None:
        _follow(desk, image, seen)


def _key(image: MapImage) -> object:
    return image.name, image.alone


def _viewer(
    opened: Opened, desk: Desk, image: MapImage, how: How, made: MadeMap | None
) -> tuple[Seen | None, Viewed | None]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        mode = _one_of("Click for", list(MODES), "segment_mode")
        view = ""
        if len(image.views) > 1:
            view = _one_of(
                "Look at", [name.upper() for name in image.views], "segment_seen"
            ).lower()
        # Shown before there is a map too, so that nothing moves when there is.
        layer = _one_of("Over it", list(LAYERS), "segment_layer", disabled=made is None)
        opacity = st.slider(
            "Opacity", 0, 100, 55, 5, key="segment_opacity", format="%d %%", width=130,
            label_visibility="collapsed", disabled=made is None, bind="query-params",
            persist_state="session",
        ) / 100  # fmt: skip
    colours = _colours(desk)
    overlay = None
    if made is not None and layer != "Image":
        with told():
            overlay = Overlay(src=made.layer(layer, colours), box=made.box, opacity=opacity)
    with told():
        key, one = shown_by(opened, image, view if view in image.views else next(iter(image.views)))
        shown = viewed(key, one)
        shown = replace(shown, um_per_px=how.um_per_px or shown.um_per_px)
        shown_image(image.name, shown)
        seen = viewer(
            shown,
            key=VIEWER,
            points=[
                Point(x=one.x, y=one.y, colour=_hex(colours[one.name]), title=one.name)
                for one in desk.draft.clicks
                if one.path == image.name
            ],
            pen=_hex(colours[desk.active]) if desk.active in colours else UNNAMED,
            region=desk.regions.get(image.name),
            overlay=overlay,
            mode=MODES[mode],
            height=HEIGHT,
        )
        if overlay is not None and layer == "Uncertainty":
            st.html(UNSURE_LEGEND)
        return seen, shown
    return None, None


def _classes(opened: Opened, desk: Desk, made: MadeMap | None) -> None:
    """The classes, with what the map says of them."""
    rows = _rows(desk, made)
    if desk.active not in desk.draft.names:
        desk.active = next(iter(desk.draft.names), None)
    shown_classes(desk, rows)
    say_wrong()
    palette(
        rows,
        key=PALETTE,
        active=desk.active,
        suggestions=_suggestions(tuple(label_colours(opened))),
        stale=made is not None and _is_stale(desk, made),
    )


def _rows(desk: Desk, made: MadeMap | None) -> list[ClassRow]:
    counts, colours = desk.draft.counts(), _colours(desk)
    shares = {} if made is None else {row["class"]: row for row in made.written.rows}
    if made is not None:  # a model may know others
        colours = {one.name: one.colour for one in made.classes.classes} | colours
    return [
        ClassRow(
            name=name,
            colour=_hex(colours[name]),
            clicks=counts[name],
            percent=shares[name]["percent"] if name in shares else None,
            detail=_area(shares.get(name, {}).get("area_mm2")),
            title=_facts(shares.get(name)),
        )
        for name in colours
    ]


def _make(opened: Opened, desk: Desk, image: MapImage, how: How, shown: Viewed) -> None:
    """The buttons under the classes."""
    draft, region, made = desk.draft, desk.regions.get(image.name), desk.maps.get(_key(image))
    st.button(
        "Undo", icon=":material/undo:", disabled=not draft.can_undo, width="stretch",
        on_click=undo, args=(desk,),
    )  # fmt: skip
    if any(one.image == image.name for one in draft.masks) and st.button(
        "Leave the mask out", icon=":material/layers_clear:", width="stretch"
    ):
        draft.remove_mask(image.name)
        again(opened, desk)
    # Who draws a region wants it mapped.
    part = WHOLE if region is None else _one_of("What", [REGION, WHOLE], "segment_part")
    if part == WHOLE and shown.width * shown.height > SLOW_PIXELS:
        pixels = shown.width * shown.height
        st.caption(
            f"{pixels / 1e6:,.0f} million pixels: about {pixels / PIXELS_A_MINUTE:,.0f} minutes. "
            "Draw a region to try the clicks on it first."
        )
    model = offer_model(opened, desk)
    ready = model is not None or (len(draft.names) > 1 and bool(draft.clicks or draft.masks))
    if st.button(
        "Map", type="primary", icon=":material/texture:", disabled=not ready, width="stretch",
        help=None if ready else "Name two classes, and click where you see them.",
    ):  # fmt: skip
        st.button("Stop", icon=":material/stop_circle:", width="stretch")
        with told():
            box = region if part == REGION else None
            desk.put(_key(image), make_map(opened, desk, image, how, region=box, model=model))
            st.rerun()
    if made is not None:
        _tell_of(desk, image, made)
        st.download_button(
            "Take the map away (ZIP)", lambda: map_zip(desk, made), f"{_stem(made)}.zip",
            "application/zip", icon=":material/download:", width="stretch", on_click="ignore",
            help="Index mask, overlay, uncertainty, percentages, outlines for QuPath, the model, "
            "and the clicks.",
        )  # fmt: skip


def _tell_of(desk: Desk, image: MapImage, made: MadeMap) -> None:
    lines = []
    if _is_stale(desk, made):
        lines.append(":orange[Clicks have changed since this map: map again.]")
    shares = made.written.rows
    unsure = [row["uncertainty"] for row in shares if row["pixels"]]
    weights = [row["pixels"] for row in shares if row["pixels"]]
    mean = sum(one * weight for one, weight in zip(unsure, weights, strict=True)) / sum(weights)
    part = "the region" if made.box else "the whole image"
    lines.append(f"{part.capitalize()}, in {made.seconds:.0f} s; mean uncertainty {mean:.2f}.")
    lines += [plain(line) for line in made.remarks]
    st.caption("  \n".join(lines))


def _follow(desk: Desk, image: MapImage, seen: Seen) -> None:
    """Do what was done in the viewer."""
    if seen.region is not None and seen.region != desk.regions.get(image.name):
        desk.regions[image.name] = seen.region
        st.rerun()


def _is_stale(desk: Desk, made: MadeMap) -> bool:
    return isinstance(made.said, tuple) and made.said != desk.said()


def _colours(desk: Desk) -> dict[str, tuple[int, int, int]]:
    draft = desk.draft
    return dict(zip(draft.names, draft.table.colours, strict=True)) if draft.names else {}


def _one_of(label: str, options: list[str], key: str, *, disabled: bool = False) -> str:
    chosen = st.segmented_control(
        label, options, default=options[0], key=key, required=True,
        label_visibility="collapsed", disabled=disabled, bind="query-params",
        persist_state="session",
    )  # fmt: skip
    return str(chosen or options[0])


def _area(area_mm2: float | None) -> str:
    if area_mm2 is None:
        return ""
    return f"{area_mm2:.3g} mm²" if area_mm2 >= 0.01 else f"{area_mm2 * 1e6:,.0f} µm²"


def _facts(row: Mapping[str, float] | None) -> str:
    if row is None:
        return ""
    sure = f", uncertainty {row['uncertainty']:.2f}" if row["pixels"] else ""
    return f"{row['pixels']:,} px, {row['percent']:.2f} %{sure}"


def _stem(made: MadeMap) -> str:
    return made.written.files[0].name.rpartition("_")[0]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


@st.cache_data(show_spinner=False, max_entries=8)
def _suggestions(labels: tuple[str, ...]) -> list[str]:
    """Names a class may have: usual ones, the labels of the index, all minerals."""
    vocabulary = load_vocabulary()
    minerals = (one.name for one in vocabulary.entries() if one.kind != "palynomorph")
    return list(dict.fromkeys([*FIRST_NAMES, *labels, *sorted(minerals)]))
