"""The page at ``/docs``.

It is made here, since the usual ones load their scripts from a network that may not be there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["page"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem; font-size: 1.1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f4f4f2; border-radius: 3px }
code { padding: 0 .25em } pre { padding: .75rem; overflow-x: auto }
table { border-collapse: collapse } td { padding: .15rem .8rem .15rem 0; vertical-align: top }
"""
EXAMPLES = {
    "/embed": (
        "curl --data-binary @specimen.jpg -H 'Content-Type: image/jpeg' {url}/embed",
        "curl -F file=@one.jpg -F file=@two.tif -H 'Accept: application/x-npy' {url}/embed "
        "-o vectors.npy",
        'curl --json \'{{"texts": ["oolitic limestone"]}}\' {url}/embed',
    ),
    "/search": (
        "curl -F file=@specimen.jpg '{url}/search?k=5'",
        'curl --json \'{{"item": "slide_00.tif#812,440,96,91", "exclude_group": true}}\' '
        "{url}/search",
    ),
    "/healthz": ("curl {url}/healthz",),
    "/metrics": ("curl {url}/metrics",),
}


def page(openapi: Mapping[str, Any], url: str) -> str:
    """The description of an interface as HTML, without scripts.

    Args:
        openapi: As ``/openapi.json`` gives it, which programs read.
        url: Address in the examples.
    """
    info = openapi["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info.get('summary', ''))}",
        "<p>For programs: <a href=/openapi.json><code>/openapi.json</code></a>, and in Python "
        "<code>georetrieve.serving.Client</code>.",
    ]
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            parts += _operation(path, method.upper(), operation, url)
    return "\n".join(parts) + "\n"


def _operation(path: str, method: str, operation: Mapping[str, Any], url: str) -> list[str]:
    parts = [f"<h2><code>{method} {escape(path)}</code> {escape(operation['summary'])}</h2>"]
    if operation.get("description"):
        parts.append(f"<p>{escape(operation['description'])}")
    parts += [f"<pre>{escape(line.format(url=url))}</pre>" for line in EXAMPLES.get(path, ())]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['description'])}"
            f"{escape(_default(one['schema']))}"
            for one in parameters
        ]
        parts += ["<p>With an image, in the query string or the form:<table>", *rows, "</table>"]
    body = operation.get("requestBody")
    if body:
        kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
        parts.append(f"<p>Takes {kinds}.")
    codes = ", ".join(f"<code>{escape(code)}</code>" for code in operation["responses"])
    parts.append(f'<p>Answers {codes}; a refusal is <code>{{"error": "one line"}}</code>.')
    return parts


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    return "" if default is None else f" (default: {json.dumps(default)})"
