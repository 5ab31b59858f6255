"""Readers beside a writer, and writers that die, in processes of their own."""

import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from georetrieve.errors import IndexLockedError
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock

TESTS = Path(__file__).parents[1]

WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from contracts_store import make_items, make_vectors
    from georetrieve.stores.lance import IndexStore
    from georetrieve.stores.lock import write_lock
    from georetrieve.types import FileRecord

    index, stop = Path(sys.argv[1]), int(sys.argv[2])
    items, vectors = make_items(1000), make_vectors(1000, 4)
    with write_lock(index, "index"):
        store = IndexStore.open(index)
        for start in range(len(store) // 10 * 10, stop, 10):
            part = slice(start, start + 10)
            store.add_items(items[part], {"vector_fake": vectors[part]})
            store.write_files([FileRecord(path=item.path, items=1) for item in items[part]])
            print(start + 10, flush=True)
        input()
""")


class Writer:
    """A process that adds ten items a commit and then waits, holding the lock."""

    def __init__(self, index, stop):
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(index), str(stop)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def wait_for(self, count):
        for line in self.process.stdout:
            if int(line) >= count:
                return
        raise AssertionError("the writer ended too early")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


def test_a_reader_keeps_its_version_while_another_process_writes(filled):
    store, _, vectors = filled
    reader = IndexStore.open(store.path)
    before = reader.scan(order_by_id=True).to_pylist()
    hits = reader.column().search(vectors[:3], 50)
    with Writer(store.path, 120) as writer:
        writer.wait_for(60)
        assert reader.scan(order_by_id=True).to_pylist() == before
        assert len(reader) == len(reader.column()) == 20
        np.testing.assert_array_equal(reader.column().search(vectors[:3], 50).ids, hits.ids)
        writer.wait_for(120)
        newer = IndexStore.open(store.path)
        assert len(newer) == 120
        assert len(reader) == 20
        with pytest.raises(IndexLockedError, match=str(writer.process.pid)):
            write_lock(store.path, "index").__enter__()


def test_a_writer_killed_at_any_moment_leaves_whole_commits_and_a_free_lock(filled):
    store = filled[0]
    chance = random.Random(0)
    for _ in range(3):
        with Writer(store.path, 1000) as writer:
            writer.wait_for(30)
            time.sleep(chance.uniform(0, 0.05))
            writer.kill()
        opened = IndexStore.open(store.path)
        assert len(opened) % 10 == 0
        # The ledger never vouches for items that are not there.
        paths = set(opened.scan(["path"]).column("path").to_pylist())
        assert {path for _, path in opened.files()} <= paths
        ids, vectors = opened.vectors()
        assert len(ids) == len(opened) == len(set(ids))
        assert np.isfinite(vectors).all()
        with write_lock(store.path, "index"):
            pass
    with Writer(store.path, 400) as writer:
        writer.wait_for(400)
    assert len(IndexStore.open(store.path)) == 400
