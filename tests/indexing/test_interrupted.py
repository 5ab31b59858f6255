"""A run that is killed and started again ends with exactly what an undisturbed one has."""

import random
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from georetrieve.cli import main
from georetrieve.stores.lance import IndexStore

# Indexes with the real encoder and small commits, and says a line for every item encoded.
DRIVER = """
import sys
from pathlib import Path
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions, Silent

class Lines(Silent):
    def start(self, stage, total, unit="items"):
        self.stage = stage
    def advance(self, steps=1):
        if self.stage == "Indexing":
            self.seen = getattr(self, "seen", 0) + steps
            print("x" * steps, flush=True)
            if "hold" in sys.argv and self.seen > 40:
                sys.argv.remove("hold")
                print("held", flush=True)
                sys.stdin.readline()

options = IndexOptions(
    labels="folder", commit_items=int(sys.argv[3]), batch_size=8, adapt="adapt" in sys.argv
)
index_folder(Path(sys.argv[1]), Path(sys.argv[2]), options, progress=Lines())
print("end", flush=True)
"""


def write_images(folder, count):
    """Images of smooth random colours, some of them damaged."""
    rng = np.random.default_rng(5)
    for number in range(count):
        path = folder / f"taxon{number % 4}" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype=np.uint8))
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(path)
        if number % 29 == 3:
            path.write_bytes(path.read_bytes()[:60])


def run(folder, index, commit, *more, kill_after=None):
    """Index; kill the process after so many items. Returns whether it came to its end."""
    command = [sys.executable, "-c", DRIVER, str(folder), str(index), str(commit), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        seen = 0
        for line in process.stdout:
            if line == "end\n":
                return True
            seen += line.count("x")
            if kill_after is not None and seen >= kill_after:
                process.send_signal(signal.SIGKILL)
                return False
    raise AssertionError(f"the run failed with {process.returncode}")


def contents(index):
    """Everything an index holds, in an order of its own."""
    store = IndexStore.open(index)
    vectors = [spec.column for spec in store.manifest.encoders]
    items = store.scan([*store.columns, *vectors], order_by_id=True)
    ledger = sorted(store.files().values(), key=lambda record: record.key)
    return items, ledger, store.manifest.encoders


def compare(folder, tmp_path, count, commit, *more):
    write_images(folder, count)
    assert run(folder, tmp_path / "whole", commit, *more)
    moments = sorted(random.Random(3).sample(range(1, count), 3))
    left = 0
    for moment in moments:
        after = max(1, moment - left)
        assert not run(folder, tmp_path / "killed", commit, *more, kill_after=after)
        left = len(IndexStore.open(tmp_path / "killed"))
        assert left < count
    assert run(folder, tmp_path / "killed", commit, *more)
    items, ledger, encoders = contents(tmp_path / "killed")
    expected_items, expected_ledger, expected_encoders = contents(tmp_path / "whole")
    assert items.num_rows == sum(record.status == "done" for record in expected_ledger) > 0
    assert encoders == expected_encoders
    assert ledger == expected_ledger
    assert items.column_names == expected_items.column_names
    for name in items.column_names:
        assert items.column(name).to_pylist() == expected_items.column(name).to_pylist(), name


@pytest.mark.slow
def test_killed_three_times_with_small_commits(tmp_path):
    compare(tmp_path / "slides", tmp_path, 90, 16)


@pytest.mark.slow
def test_2000_files_killed_three_times(tmp_path):
    compare(tmp_path / "slides", tmp_path, 2000, 512, "adapt")


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path, monkeypatch, capsys):
    write_images(tmp_path / "slides", 60)
    index = tmp_path / "index"
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "slides"), str(index), "16", "hold"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        assert "held\n" in iter(first.stdout.readline, "")  # some commits made, more to come
        second = ["georetrieve", "index", str(tmp_path / "slides"), "-i", str(index)]
        monkeypatch.setattr(sys, "argv", second)
        with pytest.raises(SystemExit, match="1"):
            main()
        refusal = capsys.readouterr().err
        seen_by_a_reader = len(IndexStore.open(index))
        _, _ = first.communicate("go on\n", timeout=120)
    assert f"process {first.pid}" in refusal
    assert socket.gethostname() in refusal
    assert refusal.count("\n") == 1
    assert 0 < seen_by_a_reader < len(IndexStore.open(index))
