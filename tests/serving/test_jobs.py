import time

import pytest

from georetrieve.errors import ServiceBusyError
from georetrieve.serving.jobs import Jobs


def wait(job):
    end = time.monotonic() + 60
    while job.running and time.monotonic() < end:
        time.sleep(0.05)
    assert not job.running
    return job


def test_a_command_runs_beside_and_ends():
    jobs = Jobs()
    job = jobs.start("a", ["--version"])
    assert jobs.get("a") is job
    assert not wait(job).failed
    took = job.seconds
    time.sleep(0.05)
    assert job.seconds == took > 0
    jobs.forget("a")
    assert jobs.get("a") is None


def test_a_command_that_fails_says_why(tmp_path):
    job = wait(Jobs().start("a", ["info", str(tmp_path / "; touch none")]))
    assert job.failed
    assert job.last_line.startswith("georetrieve: There is no index at")
    assert not (tmp_path / "none").exists()


def test_one_of_a_kind_at_a_time(tmp_path):
    jobs = Jobs()
    job = jobs.start("a", ["samples", str(tmp_path / "slides")])
    try:
        with pytest.raises(ServiceBusyError, match="under way"):
            jobs.start("a", ["--version"])
        jobs.forget("a")
        assert jobs.get("a") is job
    finally:
        job.stop()
    assert not job.running
    assert job.failed
    assert not wait(jobs.start("a", ["--version"])).failed
