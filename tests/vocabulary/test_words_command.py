"""``georetrieve words``."""

import csv
import io
import json

from typer.testing import CliRunner

from georetrieve.cli.app import app


def run(*words, code=0):
    answer = CliRunner().invoke(app, list(words))
    assert answer.exit_code == code, (answer.output, answer.exception)
    return answer


def test_words_are_looked_up():
    answer = run("words", "lead glance", "--format", "json")
    (found,) = json.loads(answer.stdout)
    assert found["entry"]["name"] == "galena"
    assert found["sources"].keys() == set(found["entry"]["sources"])
    assert "a photomicrograph of galena in thin section" in found["prompts"]


def test_unknown_words_are_taken_at_their_word_and_the_nearest_are_suggested():
    answer = run("words", "galenna")
    assert "did you mean 'galena'?" in answer.stderr
    assert "a photo of galenna" in answer.stdout
    assert "in it: quartz" in run("words", "quartz vein").stderr


def test_words_are_listed_by_kind():
    lines = list(
        csv.DictReader(io.StringIO(run("words", "--kind", "ore", "--format", "csv").stdout))
    )
    assert {line["kind"] for line in lines} == {"ore mineral"}
    assert "galena" in {line["name"] for line in lines}
    everything = json.loads(run("words", "--format", "json").stdout)
    assert len(everything) > len(lines)


def test_a_file_of_words_is_checked(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[entry]]\nname = "x"\nkind = "ore mineral"\n')
    answer = run("words", "--check", str(path), code=1)
    assert "entry x has no group and no sources" in answer.stdout
    path.write_text('[[entry]]\nname = "galena"\nsynonyms = ["blue lead"]\n')
    assert "all is well" in run("words", "--check", str(path)).stderr
    found = run("words", "blue lead", "--vocabulary", str(path), "--format", "json")
    assert json.loads(found.stdout)[0]["entry"]["name"] == "galena"
