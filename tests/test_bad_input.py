"""Bad input is the normal case: each file gets its line, the rest goes on."""

import re
import threading

import numpy as np
import pytest
from bad_input import write_bad_folder
from fakes import FakeEncoder

from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.stores.lance import IndexStore

LONGEST_REASON = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad") / "slides"


@pytest.fixture(scope="module")
def expected(folder):
    return write_bad_folder(folder)


@pytest.fixture(scope="module")
def indexed(folder, expected, tmp_path_factory):
    """(report, store) of the folder, indexed once with an encoder that is given."""
    index = tmp_path_factory.mktemp("index") / "bad"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("georetrieve.indexing.build.load_encoder", lambda *_, **__: FakeEncoder())
        report = in_time(lambda: index_folder(folder, index, IndexOptions(encoder="fake")))
    return report, IndexStore.open(index)


def in_time(work, seconds=120):
    """The result of ``work``, which must not wait for a pipe that nobody writes to."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "hangs"
    assert outcome, "raised; the traceback is above"
    return outcome[0]


@pytest.fixture(scope="module")
def ledger(indexed):
    return {record.path: record for record in indexed[1].files().values()}


def named(expected, outcome):
    return sorted(name for name, each in expected.items() if each.outcome == outcome)


def test_what_can_be_read_is_in_the_index(indexed, expected):
    held = set(indexed[1].scan(["path"]).column("path").to_pylist())
    assert held == set(named(expected, "done"))


def test_what_cannot_be_read_has_a_reason_a_user_understands(ledger, expected):
    wrong = {}
    for name in named(expected, "failed"):
        record = ledger.get(name)
        reason = record.reason if record else "(no row)"
        if not record or record.status != "failed":
            wrong[name] = f"{record and record.status}: {reason}"
        elif not re.search(expected[name].reason, reason, re.IGNORECASE | re.DOTALL):
            wrong[name] = f"expected {expected[name].reason!r}: {reason}"
    assert wrong == {}


def test_reasons_are_one_line_without_a_traceback(ledger):
    reasons = [record.reason for record in ledger.values() if record.status == "failed"]
    assert all(reasons)
    for reason in reasons:
        assert "\n" not in reason
        assert len(reason) <= LONGEST_REASON
        assert not re.search(r"Traceback|Error\(|<class|0x[0-9a-f]{6}", reason), reason


def test_what_is_no_image_is_never_done(ledger, expected):
    rows = {name: ledger[name].status for name in named(expected, "refused") if name in ledger}
    assert set(rows.values()) <= {"failed"}, rows


def test_the_report_counts_what_the_ledger_holds(indexed, ledger, expected):
    report, store = indexed
    assert [path for path, _ in report.failed] == sorted(
        path for path, record in ledger.items() if record.status == "failed"
    )
    assert set(named(expected, "failed")) <= {path for path, _ in report.failed}
    assert report.items == len(store) == len(named(expected, "done"))


def test_no_vector_is_zero_or_not_finite(indexed):
    _, vectors = indexed[1].vectors()
    assert len(vectors)
    assert np.isfinite(vectors).all()
    assert (np.linalg.norm(vectors, axis=1) > 0).all()
