"""What a wheel carries beside the package."""

import tomllib
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]


def test_a_wheel_has_every_file_of_the_page_where_it_is_looked_for():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    placed = set()
    for folder, patterns in settings["tool"]["setuptools"]["data-files"].items():
        for pattern in patterns:
            for path in filter(Path.is_file, ROOT.glob(pattern)):
                placed.add((PurePosixPath(folder) / path.name).as_posix())
    files = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert files
    assert {f"share/georetrieve/{file}" for file in files} == placed
