"""``georetrieve encoders`` as a user meets it: what is printed where, and the exit status."""

import csv
import io
import json
import subprocess
import sys

import pytest
from weight_server import COMMIT, one_line, tree

from georetrieve.encoders.catalogue.models import ENTRIES

WEIGHTS = b"weights" * 1000
REPO = "an/encoder"


@pytest.fixture
def hub(server, monkeypatch):
    """A hub that has two encoders of the catalogue; what it sends is not what is pinned."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.publish(
        "/IverMartinsen/scampi-dino-vits16/resolve/main/vit_small_backbone.pth",
        WEIGHTS,
        headers={"X-Repo-Commit": COMMIT},
    )
    revision = "114c1379950215c8b35dfcd4e90a5c251dde0d32"
    place = f"/facebook/dinov3-vits16-pretrain-lvd1689m/resolve/{revision}/model.safetensors"
    server.publish(place, WEIGHTS, needs="me")
    return server


def test_listing_is_machine_readable_and_loads_no_network_library(monkeypatch):
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "georetrieve",
            "encoders",
            "list",
            "--format=csv",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {"bundled", *(entry.name for entry in ENTRIES)} == rows.keys()
    row = rows["clip-vitb32-laion2b"]
    del row["summary"]
    assert row == {
        "name": "clip-vitb32-laion2b",
        "family": "open_clip",
        "dim": "512",
        "patch": "32",
        "MB": "605",
        "licence": "MIT",
        "text": "yes",
        "here": "no",
    }
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"torch", "timm", "transformers", "open_clip", "huggingface_hub", "lance", "sklearn"}
    assert "georetrieve.cli.encoders" in imported
    assert imported & heavy == set()


def test_the_table_says_how_others_are_named(run):
    status, out, err = run("encoders", "list")
    assert status == 0
    assert "dinov2-vitg14-reg" in out
    assert "timm:vit_small_patch16_224.dino" in one_line(err)


def test_info_shows_what_is_known_without_loading(run, hub):
    status, out, _ = run("encoders", "info", "scampi-vits16", "--format", "json")
    (facts,) = json.loads(out)
    assert status == 0
    assert facts["paper"] == "https://doi.org/10.1016/j.aiig.2024.100080"
    assert facts["transform"]["squash"] == 256
    assert facts["here"] == "no"
    assert facts["vit_small_backbone.pth: SHA-256"] == "recorded when it is first fetched"
    run("encoders", "pull", "scampi-vits16")
    (facts,) = json.loads(run("encoders", "info", "scampi-vits16", "--format", "json")[1])
    assert facts["here"] == "yes"
    assert len(facts["vit_small_backbone.pth: SHA-256"]) == 64


def test_info_of_the_bundled_encoder_is_its_specification(run):
    status, out, _ = run("encoders", "info", "bundled", "--format", "json")
    assert status == 0
    assert json.loads(out)[0]["family"] == "bundled"


def test_pull_says_licence_first_and_then_what_came(run, hub, kept):
    status, out, err = run("encoders", "pull", "scampi-vits16")
    assert status == 0
    assert "scampi-vits16: licence not stated https://huggingface.co/" in one_line(err)
    path = kept.root / "scampi-vits16" / "vit_small_backbone.pth"
    assert out.startswith(f"scampi-vits16: {path}  SHA-256 ")
    assert kept.ledger("scampi-vits16").files[path.name].revision == COMMIT


def test_pull_of_a_licence_that_must_be_accepted(run, hub, monkeypatch, kept):
    monkeypatch.setenv("HF_TOKEN", "me")
    status, out, err = run("encoders", "pull", "dinov3-vits16")
    assert (status, out) == (1, "")
    assert "georetrieve encoders pull dinov3-vits16 --accept-licence" in err.splitlines()[-1]
    assert hub.asked == []
    # Accepted, but what the hub sends is not what the catalogue pins.
    status, out, err = run("encoders", "pull", "dinov3-vits16", "--accept-licence")
    assert (status, out) == (1, "")
    assert "and the catalogue says 4610ad75edef…" in err.splitlines()[-1]
    assert tree(kept.root) == {}


def test_a_stick_carries_weights(run, hub, kept, tmp_path, monkeypatch):
    stick = tmp_path / "stick"
    run("encoders", "pull", "scampi-vits16")
    status, out, err = run("encoders", "export", "scampi-vits16", stick)
    assert (status, out) == (0, "scampi-vits16: copied, 0.0 MB\n")
    assert f"georetrieve encoders import {stick}" in err
    assert run("encoders", "export", "--all", stick)[1].startswith("scampi-vits16: already there")

    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(tmp_path / "there"))
    monkeypatch.setenv("GEORETRIEVE_OFFLINE", "1")
    assert run("encoders", "import", stick)[0] == 0
    status, out, _ = run("encoders", "verify", "--format", "json")
    assert status == 0
    assert [row["state"] for row in json.loads(out)] == ["ok"]

    (tmp_path / "there" / "scampi-vits16" / "vit_small_backbone.pth").write_bytes(b"short")
    status, out, _ = run("encoders", "verify", "scampi-vits16", "--format", "json")
    assert status == 1
    assert "is truncated" in json.loads(out)[0]["state"]


def test_a_damaged_stick_is_one_line_and_exit_1(run, hub, kept, tmp_path, monkeypatch):
    run("encoders", "pull", "scampi-vits16")
    run("encoders", "export", "scampi-vits16", tmp_path / "stick")
    (tmp_path / "stick" / "scampi-vits16" / "vit_small_backbone.pth").write_bytes(WEIGHTS[::-1])
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(tmp_path / "there"))
    status, out, err = run("encoders", "import", tmp_path / "stick")
    assert (status, out) == (1, "")
    assert "is damaged: its SHA-256 is" in one_line(err)
    assert tree(tmp_path / "there") == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pull", "scampi-vitS16"], "Did you mean 'scampi-vits16'?"),
        (["pull", "bundled"], "on this machine already"),
        (["info", "dinov2-vit14"], "Did you mean 'dinov2-vits14'?"),
        (["export", "scampi-vits16", "stick"], "fetch them with georetrieve encoders pull"),
        (["export", "--all", "stick"], "No weights are in"),
        (["import", "nowhere"], "holds no weights"),
        (["verify", "scampi-vits16"], "The weights of scampi-vits16 are not in"),
    ],
)
def test_refusals_are_one_line_and_exit_1(run, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("encoders", *words)
    assert (status, out) == (1, "")
    assert said in one_line(err)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_use_is_exit_2(run):
    assert run("encoders", "export", "stick")[0] == 2
    assert run("encoders", "export", "--all", "scampi-vits16", "stick")[0] == 2


def test_a_damaged_ledger_does_not_stop_the_list(run, kept):
    folder = kept.folder("dino-vits16")
    folder.mkdir(parents=True)
    (folder / "weights.json").write_text("{")
    status, out, _ = run("encoders", "list", "--format", "json")
    here = {row["name"]: row["here"] for row in json.loads(out)}
    assert status == 0
    assert (here["dino-vits16"], here["dino-vits8"]) == ("damaged", "no")


@pytest.mark.parametrize("command", ["list", "info", "pull", "export", "import", "verify"])
def test_every_command_shows_an_example(run, command):
    status, out, _ = run("encoders", command, "--help")
    assert status == 0
    assert "Examples:" in out
    assert f"georetrieve encoders {command}" in out


def test_pull_fetches_what_only_the_repository_tells(run, server, kept, monkeypatch):
    """A repository without safetensors: its pickled weights are fetched, and not opened."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    for name, content in (("config.json", b"{}"), ("pytorch_model.bin", WEIGHTS)):
        server.publish(f"/{REPO}/resolve/main/{name}", content)
    status, _, _ = run("encoders", "pull", f"hf:{REPO}")
    assert status == 0
    folder = "hf--an--encoder"
    assert sorted(tree(kept.root)) == [
        f"{folder}/config.json",
        f"{folder}/pytorch_model.bin",
        f"{folder}/weights.json",
    ]


def test_an_interrupted_pull_says_that_nothing_is_lost(run, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("georetrieve.encoders.registry.pull_weights", interrupted)
    status, out, err = run("encoders", "pull", "scampi-vits16")
    assert (status, out) == (130, "")
    assert err.splitlines()[-1].startswith("Interrupted. What arrived is kept")
