"""The frame of every web page georetrieve writes: one file that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import io
from dataclasses import asdict
from html import escape

from PIL import Image

from georetrieve.reports.theme import DARK, LIGHT, Theme

__all__ = ["embedded_picture", "html_page"]

_STYLE = """
*{box-sizing:border-box}
body{margin:0;padding:2rem clamp(1rem,3vw,3rem) 3rem;background:var(--page);color:var(--text);
font:14px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.2;margin:0 0 .35rem;letter-spacing:-.01em}
header p{margin:0;color:var(--muted);max-width:75ch}
header{margin-bottom:2rem}
"""


def html_page(*, title: str, head: str, main: str, style: str) -> str:
    """A page as text; a content policy forbids scripts and anything from outside.

    Args:
        title: Of the window; escaped here.
        head: Inside of the page's header, escaped already.
        main: Inside of its main part, escaped already.
        style: Further rules.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
:root{{{_variables(LIGHT)}}}
@media(prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
{_STYLE.strip()}
{style.strip()}
</style>
</head>
<body>
<header>{head}</header>
<main>
{main}</main>
</body>
</html>
"""


def embedded_picture(image: Image.Image, *, alt: str, side: int) -> str:
    """An ``img`` that holds its picture, no larger than ``side`` pixels."""
    picture = image.convert("RGB")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=85, method=2)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    width, height = picture.size
    return (
        f'<img alt="{escape(alt, quote=True)}" loading="lazy" width="{width}" height="{height}" '
        f'src="data:image/webp;base64,{data}">'
    )


def _variables(theme: Theme) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in asdict(theme).items())
