"""One writer: refused by name while it lives, free the moment it is dead."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from georetrieve.errors import IndexLockedError, IndexNotFoundError, StoreError
from georetrieve.stores.lock import LOCK_NAME, OWNER_NAME, lock_owner, write_lock

HOLD = """
import sys, time
from pathlib import Path
from georetrieve.stores.lock import write_lock
with write_lock(Path(sys.argv[1]), "index ./slides"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_owner_is_written_down_and_crossed_out(tmp_path):
    with write_lock(tmp_path, "index ./slides"):
        owner = json.loads((tmp_path / OWNER_NAME).read_text())
        assert (owner["pid"], owner["host"]) == (os.getpid(), socket.gethostname())
        assert owner["purpose"] == "index ./slides"
        assert lock_owner(tmp_path) == owner
    assert lock_owner(tmp_path) is None


def test_a_second_writer_is_refused_with_process_host_and_time(tmp_path, holder):
    owner = lock_owner(tmp_path)
    with pytest.raises(IndexLockedError) as caught, write_lock(tmp_path, "prune"):
        pass
    message = str(caught.value)
    for fact in (f"process {holder.pid}", socket.gethostname(), owner["since"], "./slides"):
        assert fact in message
    assert lock_owner(tmp_path) == owner  # the loser crossed nothing out


def test_who_holds_it_for_a_moment_is_waited_for(tmp_path):
    held, order = threading.Event(), []

    def give_a_label():
        with write_lock(tmp_path, "label"):
            held.set()
            time.sleep(0.2)
            order.append("first")

    first = threading.Thread(target=give_a_label)
    first.start()
    held.wait()
    with write_lock(tmp_path, "undo"):
        order.append("second")
    first.join()
    assert order == ["first", "second"]


def test_a_killed_owner_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock_owner(tmp_path)["pid"] == holder.pid  # left behind, and without meaning
    with write_lock(tmp_path, "index"):
        assert lock_owner(tmp_path)["pid"] == os.getpid()


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(ZeroDivisionError), write_lock(tmp_path, "index"):
        raise ZeroDivisionError
    with write_lock(tmp_path, "index"):
        pass


def test_the_same_process_is_no_second_writer(tmp_path):
    with (
        write_lock(tmp_path, "index"),
        pytest.raises(IndexLockedError, match=str(os.getpid())),
        write_lock(tmp_path, "prune"),
    ):
        pass


def test_an_unreadable_entry_does_not_hide_the_refusal(tmp_path, holder):
    (tmp_path / OWNER_NAME).write_text("{")
    with pytest.raises(IndexLockedError, match=r"unknown host"), write_lock(tmp_path, "prune"):
        pass


def test_a_folder_that_is_not_there_is_an_error_and_not_made(tmp_path):
    with pytest.raises(IndexNotFoundError, match="no folder"), write_lock(tmp_path / "no", "index"):
        pass
    assert not (tmp_path / "no").exists()


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / LOCK_NAME).mkdir()  # as root, permissions would not stop the lock
    with pytest.raises(StoreError, match="cannot be locked"), write_lock(tmp_path, "index"):
        pass
