"""The benchmark of classification times what it says, on few items."""

import json

import typer
from typer.testing import CliRunner

from georetrieve.cli.bench_classify import classify_speed

app = typer.Typer()
app.command("classify-speed")(classify_speed)


def test_every_part_is_timed_beside_the_bare_products():
    sizes = {"--count": 300, "--labelled": 40, "--dim": 8, "--classes": 3, "--voters": 2}
    words = ["--format", "json", *(str(word) for pair in sizes.items() for word in pair)]
    answer = CliRunner().invoke(app, words, catch_exceptions=False)
    values = json.loads(answer.stdout)
    assert (values["items"], values["labelled"], values["classes"]) == (300, 40, 3)
    assert values["probe"].startswith("knn, k = ")
    parts = [values[f"{name}_seconds"] for name in ("classify", "json", "write")]
    assert all(seconds > 0 for seconds in parts)
    assert values["total_seconds"] == sum(parts)
    assert values["classify_over_bare"] == values["classify_seconds"] / values["bare_seconds"]
    assert values["json_mb"] > 0
