"""A contact sheet as one self-contained web page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from georetrieve.reports.page import embedded_picture, html_page
from georetrieve.reports.sheet import SheetCell, SheetRow, open_image, score_text

__all__ = ["SHEET_STYLE", "sheet_html", "sheet_key", "sheet_rows"]

_SIDE = 320
"""Longest side of an embedded picture, pixels."""

SHEET_STYLE = """
.key>span{margin-right:1.25em}
.row{display:grid;grid-template-columns:9.5rem 1fr;gap:0 2.25rem;padding:1.4rem 0;
border-top:1px solid var(--line)}
.hits{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(7.2rem,40%),1fr));
gap:1.1rem .9rem;margin:0;padding:0;list-style:none;align-content:start}
.asked{display:grid;gap:1.1rem;align-content:start}
figure{margin:0;min-width:0}
.frame{position:relative;aspect-ratio:1;border:2px solid var(--line);border-radius:8px;
background:var(--panel);overflow:hidden;display:grid;place-items:center;color:var(--muted);font-size:.8rem}
.frame img{position:absolute;inset:0;width:100%;height:100%;object-fit:contain}
.query .frame{border-color:var(--accent)}
.right .frame{border-color:var(--right)}
.wrong .frame{border-color:var(--wrong)}
figcaption{padding-top:.4rem}
.title{font-size:.8rem;font-weight:650;line-height:1.4;white-space:nowrap;overflow:hidden;
text-overflow:ellipsis}
.right .mark,.key .mark-right{color:var(--right);font-weight:700}
.wrong .mark,.key .mark-wrong{color:var(--wrong);font-weight:700}
.score{display:flex;justify-content:space-between;color:var(--muted);font-size:.82rem;
font-variant-numeric:tabular-nums}
.score b{color:var(--text);font-weight:500}
.where{color:var(--muted);font-size:.78rem;line-height:1.3;overflow-wrap:anywhere}
.none{color:var(--muted)}
@media(max-width:46rem){.row{grid-template-columns:1fr;gap:1rem}
.asked{grid-template-columns:repeat(auto-fill,9rem)}}
@media print{.row{break-inside:avoid}}
"""


def sheet_html(rows: Sequence[SheetRow], *, title: str = "", caption: str = "") -> str:
    """The page as text; see ``save_sheet``. Every text is escaped."""
    head = "".join(
        [
            f"<h1>{escape(title)}</h1>" if title else "",
            f"<p>{escape(caption)}</p>" if caption else "",
            sheet_key(rows),
        ]
    )
    return html_page(
        title=title or "Contact sheet", head=head, main=sheet_rows(rows), style=SHEET_STYLE
    )


def sheet_key(rows: Sequence[SheetRow]) -> str:
    """What the marks mean, where there are any."""
    judged = any(hit.correct is not None for row in rows for hit in row.hits)
    key = (
        '<p class="key"><span><span class="mark-right">✓</span> same label</span>'
        '<span><span class="mark-wrong">✗</span> other label</span></p>'
    )
    return key if judged else ""


def sheet_rows(rows: Sequence[SheetRow]) -> str:
    """The rows, to stand in a page with :data:`SHEET_STYLE`."""
    return "".join(map(_row, rows))


def _row(row: SheetRow) -> str:
    hits = "".join(f"<li>{_cell(hit, rank)}</li>\n" for rank, hit in enumerate(row.hits, start=1))
    found = f'<ol class="hits">\n{hits}</ol>' if hits else '<p class="none">nothing found</p>'
    asked = "\n".join(_cell(part, None) for part in (row.query, *row.further))
    return f'<section class="row">\n<div class="asked">{asked}</div>\n{found}\n</section>\n'


def _cell(cell: SheetCell, rank: int | None) -> str:
    verdict = {True: "right", False: "wrong", None: ""}[cell.correct]
    mark = {True: "✓", False: "✗", None: ""}[cell.correct]
    kind = "query" if rank is None else verdict
    line = escape(cell.remark) or "query"
    if rank is not None:
        number = "" if cell.score is None else f" · <b>{score_text(cell.score)}</b>"
        line = f"{rank}{number}"
    title = escape(cell.title, quote=True)
    flag = f'<span class="mark">{mark}</span>' if mark else ""
    where = f'<div class="where">{_breakable(cell.subtitle)}</div>' if cell.subtitle else ""
    return (
        f'<figure class="{kind}"><div class="frame">{_picture(cell)}</div><figcaption>'
        f'<div class="title" title="{title}">{title}</div>'
        f'<div class="score"><span>{line}</span>{flag}</div>{where}</figcaption></figure>'
    )


def _breakable(place: str) -> str:
    """A path that breaks after its separators, and its region on a line of its own."""
    text = escape(place).replace("\n", "<br>")
    return re.sub(r"(?<!<)([/_,])(?!>)", r"\1<wbr>", text)


def _picture(cell: SheetCell) -> str:
    picture = open_image(cell.image)
    if picture is None:
        return "no picture"
    return embedded_picture(picture, alt=cell.title or cell.subtitle or "image", side=_SIDE)
