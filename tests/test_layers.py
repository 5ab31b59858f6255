"""Imports go one way: source → encode → store → search → probe → report → command line."""

import ast
from pathlib import Path

import pytest

import georetrieve

PACKAGE = Path(georetrieve.__file__).parent
BOTTOM = ("errors", "types", "protocols")
ABOVE = (
    ("metrics", "sources", "encoders", "stores", "vocabulary"),
    ("embedding", "indexing"),
    ("labelling", "search", "upkeep"),
    ("probes",),
    ("openvocab", "training", "baselines"),
    ("benchmarks",),
    ("reports",),
    ("serving",),
    ("cli",),
    ("__main__",),
)
# Parts of one layer do not import each other, and the metrics are pure: this is all they may use.
LAYERS = (*((name,) for name in BOTTOM), *ABOVE)
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    """The first name below the package: ``sources`` of ``georetrieve/sources/raster.py``."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_parts(tree):
    """(part, line) of every import of the package anywhere in a module, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top == "georetrieve" and rest and rest[0] in HEIGHT:
                yield rest[0], node.lineno


def offences(source, part, *, filename="<text>"):
    return [
        f"{filename}:{line} ({part}) imports {other}"
        for other, line in imported_parts(ast.parse(source))
        if other != part and HEIGHT[other] >= HEIGHT[part]
    ]


def test_every_part_has_its_layer():
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    assert parts <= set(HEIGHT), f"without a layer: {parts - set(HEIGHT)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    part = part_of(path)
    if part == "__init__":
        pytest.skip("the public names come from every layer, lazily")
    assert not offences(path.read_text(encoding="utf-8"), part, filename=str(path))


@pytest.mark.parametrize(
    ("source", "part", "found"),
    [
        ("from georetrieve.search import x", "stores", True),
        ("def f():\n    import georetrieve.cli.app", "probes", True),
        ("from georetrieve import encoders", "sources", True),
        ("from georetrieve.types import Item", "errors", True),
        ("from georetrieve.stores.exact import y", "metrics", True),
        ("from georetrieve.metrics import y", "benchmarks", False),
        ("from georetrieve import __version__", "indexing", False),
        ("from georetrieve.stores import lance", "stores", False),
    ],
)
def test_the_check_itself(source, part, found):
    assert bool(offences(source, part)) is found
