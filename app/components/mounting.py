"""How a component is put into the page: the style and the script that lie in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

__all__ = ["component"]

_HERE = Path(__file__).parent


@st.cache_resource(show_spinner=False)
def component(name: str, scripts: Sequence[str] = ()) -> Any:  # noqa: ANN401 - not public in Streamlit
    """What mounts a component.

    Args:
        name: Of its folder, and of the style and the script in it.
        scripts: Names of the parts of the script, in the order in which they build on each other;
            none: it is one.
    """
    folder = _HERE / name
    shared = (_HERE / "signs.js", _HERE / "steps.js")
    parts = [*shared, *(folder / f"{script}.js" for script in scripts or (name,))]
    return st.components.v2.component(
        f"georetrieve_{name}",
        css=(folder / f"{name}.css").read_text(encoding="utf-8"),
        js="\n".join(part.read_text(encoding="utf-8") for part in parts),
    )
