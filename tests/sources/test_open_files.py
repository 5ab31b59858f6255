"""A few files stay open, and none is closed while it is read."""

import threading

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.open_files import OpenFiles


class Door:
    """Counts how often it was closed."""

    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


def test_files_read_longest_ago_are_closed():
    doors = {name: Door() for name in "abc"}
    pool = OpenFiles(most=2)
    for name in "abac":
        with pool.borrow(name, lambda name=name: doors[name]) as door:
            assert door is doors[name]
    assert [doors[name].closed for name in "abc"] == [0, 1, 0]
    pool.close()
    assert [doors[name].closed for name in "abc"] == [1, 1, 1]
    pool.close()
    assert doors["a"].closed == 1


def test_an_open_file_is_not_opened_again():
    opened = []
    pool = OpenFiles(most=1)
    for _ in range(3):
        with pool.borrow("a", lambda: opened.append(1) or Door()):
            pass
    assert len(opened) == 1


def test_a_file_being_read_stays_open():
    outer, inner = Door(), Door()
    pool = OpenFiles(most=1)
    with pool.borrow("a", lambda: outer):
        with pool.borrow("b", lambda: inner):
            pool.close()
            assert (outer.closed, inner.closed) == (0, 0)
        assert (outer.closed, inner.closed) == (0, 1)
    assert outer.closed == 1


def test_nothing_is_read_after_closing():
    pool = OpenFiles()
    pool.close()
    with pytest.raises(SourceError, match="a has been closed"), pool.borrow("a", Door):
        pass


def test_many_threads_share_one_opening():
    opened = []
    pool = OpenFiles(most=1)

    def read():
        for name in ("a", "b", "c"):
            with pool.borrow(name, lambda name=name: opened.append(name) or Door()) as door:
                assert door.closed == 0

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(opened) == {"a", "b", "c"}
