import shutil
import sys
import time

import pytest

from georetrieve.errors import StoreError
from georetrieve.probes.item_map import job as jobs
from georetrieve.probes.item_map.job import (
    MapJob,
    MapProgress,
    ProgressFile,
    find_map_job,
    start_map,
)
from georetrieve.probes.item_map.kept import kept_map, writable_map_file

SLEEPS = "import time; time.sleep(60)"


def wait(until, seconds=60):
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        time.sleep(0.05)
    assert until()


@pytest.fixture
def instead(monkeypatch):
    """``instead(script)``: what is started instead of ``georetrieve map``."""
    real = jobs.subprocess.Popen
    started = []

    def use(script):
        def start(words, **named):
            started.append(real([sys.executable, "-c", script], **named))
            return started[-1]

        monkeypatch.setattr(jobs.subprocess, "Popen", start)
        return started

    yield use
    for process in started:
        process.kill()
        process.wait()


def test_a_map_is_made_in_a_process_of_its_own(make_index):
    index = make_index(30)
    job = start_map(index)
    wait(lambda: not job.running)
    assert job.trouble == ""
    assert len(kept_map(index.store, index.manifest.encoders[0])) == 30
    assert find_map_job(index) is None


def test_a_failure_is_one_sentence(make_index):
    index = make_index(30)
    shutil.move(index.path / "items.lance", index.path / "gone.lance")
    job = start_map(index)
    wait(lambda: not job.running)
    assert job.trouble.startswith("The map was not made: ")
    assert "\n" not in job.trouble
    assert "items.lance" in job.trouble
    assert find_map_job(index).trouble == job.trouble
    job.forget()
    assert find_map_job(index) is None


def test_a_crash_is_one_sentence(make_index, instead):
    index = make_index(3)
    instead("import sys; print('first', file=sys.stderr); raise MemoryError('too large')")
    job = start_map(index)
    wait(lambda: not job.running)
    assert job.trouble == "The map was not made: MemoryError: too large."
    instead("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    job = start_map(index)
    wait(lambda: not job.running)
    assert job.trouble == "The map was not made: its process was ended (signal 9)."


def test_two_that_ask_get_one_job_and_either_may_end_it(make_index, instead):
    index = make_index(3)
    started = instead(SLEEPS)
    one, other = start_map(index), start_map(index)
    assert len(started) == 1
    assert one.running
    assert other.can_cancel
    assert find_map_job(index).running
    other.cancel()
    assert not one.running
    assert one.trouble == ""
    assert find_map_job(index) is None


def test_a_map_another_program_makes_is_seen_and_left_alone(make_index):
    from filelock import FileLock

    index = make_index(3)
    path = writable_map_file(index.store, index.manifest.encoders[0])
    with FileLock(path.with_suffix(".lock")):
        job = start_map(index)
        assert job.running
        assert not job.can_cancel
        with pytest.raises(StoreError, match="Another program"):
            job.cancel()
    assert not job.running


def test_progress_goes_through_a_file(tmp_path):
    job = MapJob(tmp_path / "map.arrow")
    assert job.progress == MapProgress()
    told = ProgressFile(tmp_path / "map.progress")
    told.start("laying out", 10, "steps")
    told.advance(4)
    told.finish()
    assert job.progress == MapProgress("laying out", 4, 10)
    told.grow(5)
    told.say("waiting")
    assert job.progress == MapProgress("waiting", 0, None)
    (tmp_path / "map.progress").write_text("{")
    assert job.progress == MapProgress()
