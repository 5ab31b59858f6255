"""The label page in Streamlit's AppTest: what it does when labels cannot be given, or make none."""

import os
import re
import subprocess
import sys

import pytest

from app import suggested
from georetrieve.labelling import give_labels, label_history
from georetrieve.serving.pictures import PICTURES
from georetrieve.stores.lance import IndexStore

HOSTILE = "<img src=x onerror=alert(1)> **a** :red[b] $x$ :smile: https://example.org"
HOLD = """
import sys
from pathlib import Path
from georetrieve.stores.lock import write_lock
with write_lock(Path(sys.argv[1]), "index slides"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def nothing_held():
    suggested._kept.clear()


@pytest.fixture
def label(page_test):
    def run(index, **parameters):
        tested = page_test("label", index, **parameters)
        assert not tested.exception
        return tested

    return run


def ids(index, where=None, count=None):
    table = IndexStore.open(index).scan(["id"], where, order_by_id=True)
    return table.column("id").to_pylist()[:count]


def tick(tested, index, some):
    key = PICTURES.put_index(IndexStore.open(index))
    tested.session_state["_chosen"] = {key: dict.fromkeys(some)}
    return tested.run()


def type_label(tested, text):
    """A label that is none of the options, which AppTest has no way to type."""
    box = tested.selectbox(key="label_by_hand")
    box.options.append(text)
    box.set_value(text).run()
    tested.selectbox(key="label_by_hand").options.append(text)
    return tested


def said(elements):
    return [one.value.replace("\\", "").replace("\N{WORD JOINER}", "") for one in elements]


def over_the_gallery(tested):
    return next(line for line in said(tested.caption) if re.search(r"items? · ", line))


def labels(index, some):
    return IndexStore.open(index).take(some, ["label"]).column("label").to_pylist()


def test_ticked_items_get_a_label_by_hand(label, own_slides):
    some = ids(own_slides, "label IS NULL", 3)
    tested = tick(label(own_slides), own_slides, some)
    assert tested.button(key="give_label").label == "Label 3"
    assert tested.button(key="give_label").disabled
    tested.text_input(key="who").set_value("ada").run()
    type_label(tested, HOSTILE)
    tested.button(key="give_label").click().run()
    assert not tested.exception
    assert labels(own_slides, some) == [HOSTILE] * 3
    assert said(tested.toast) == [f"3 items labelled: {HOSTILE}"]
    assert label_history(own_slides)[0]["who"] == "ada"
    # Nothing is ticked any more, and the new label is among the buttons as it is.
    assert tested.button(key="untick").label == "Untick 0"


def test_a_label_that_cannot_be_one_is_one_sentence(label, own_slides):
    some = ids(own_slides, "label IS NULL", 2)
    tested = tick(label(own_slides), own_slides, some)
    for bad, why in (("x" * 300, "A label of 300 characters"), ("a\u200bb", "cannot be seen")):
        type_label(tested, bad).button(key="give_label").click().run()
        assert len(tested.error) == 1
        assert why in said(tested.error)[0]
        assert tested.button(key="untick").label == "Untick 2"  # to be labelled otherwise
    assert labels(own_slides, some) == [None, None]


def test_another_process_writes(label, own_slides):
    some = ids(own_slides, "label IS NULL", 2)
    tested = tick(label(own_slides), own_slides, some)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(own_slides)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout.readline() == "held\n"
        tested.button(key="digit_1").click().run()
        assert f"is being written by process {other.pid}" in said(tested.error)[0]
        assert "(index slides). Wait for it to end" in said(tested.error)[0]
        assert tested.button(key="untick").label == "Untick 2"
        other.stdin.close()
    tested.button(key="digit_1").click().run()
    assert not tested.error
    assert None not in labels(own_slides, some)


def test_an_index_that_may_only_be_read(label, own_slides, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **more: mode != os.W_OK and allowed(path, mode, **more)
    )
    tested = label(own_slides)
    (warning,) = said(tested.warning)
    assert "samples may only be read here" in warning
    assert "to label, ask whoever owns the folder" in warning
    assert over_the_gallery(tested)  # there is something to look at
    with pytest.raises(KeyError):
        tested.button(key="give_label")
    assert next(one for one in tested.button if one.label == "Undo").disabled


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(label, own_slides):
    own_slides.chmod(0o555)
    try:
        assert "may only be read" in said(label(own_slides).warning)[0]
    finally:
        own_slides.chmod(0o755)


def test_a_folder_that_turns_read_only_meanwhile(label, own_slides, monkeypatch):
    some = ids(own_slides, "label IS NULL", 1)
    tested = tick(label(own_slides), own_slides, some)

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("georetrieve.stores.lock.FileLock.acquire", refuse)
    tested.button(key="digit_1").click().run()
    (error,) = said(tested.error)
    assert "cannot be locked for writing (Permission denied)" in error


def test_nothing_is_labelled_yet(label, own_slides):
    give_labels(own_slides, dict.fromkeys(ids(own_slides)))
    tested = label(own_slides)
    assert "473 items · All without a label" in over_the_gallery(tested)
    tested = label(own_slides, queue="Doubtful")
    assert "Nothing is labelled yet" in said(tested.info)[0]
    assert "type what they are" in said(tested.info)[0]


def test_all_labels_are_of_one_class(label, own_slides):
    every = ids(own_slides)
    give_labels(own_slides, dict.fromkeys(every) | dict.fromkeys(every[:5], HOSTILE))
    tested = label(own_slides, queue="Sure")
    assert "suggestions begin with a second class" in said(tested.info)[0]
    assert "No suggestion is that sure" in said(tested.info)[1]


@pytest.mark.parametrize("key", ["digit_1", "accept_ticked", "keep_ticked"])
def test_a_key_with_nothing_ticked_says_so(label, own_slides, key):
    before = labels(own_slides, ids(own_slides))
    tested = label(own_slides, queue="Suspect")
    tested.button(key=key).click().run()
    assert said(tested.toast) == ["Nothing is ticked yet: click the pictures first."]
    assert labels(own_slides, ids(own_slides)) == before


def test_what_is_far_is_not_accepted_but_labelled_by_hand(label, own_slides):
    some = ids(own_slides, "kind = 'slice'", 4)  # of rock, where all labels are of palynology
    tested = tick(label(own_slides, queue="New"), own_slides, some)
    assert tested.button(key="accept_ticked").label == "Accept 0 suggested"
    tested.button(key="accept_ticked").click().run()
    assert "Nothing is suggested that could be accepted" in said(tested.toast)[0]
    assert labels(own_slides, some) == [None] * 4
    assert tested.button(key="untick").label == "Untick 4"
    type_label(tested, "sandstone").button(key="give_label").click().run()
    assert labels(own_slides, some) == ["sandstone"] * 4


def test_a_condition_narrows_every_queue(label, sample_slides):
    tested = label(sample_slides, queue="No label", where="kind = 'slice'")
    assert over_the_gallery(tested).startswith("48 items · All without a label")
    tested = label(sample_slides, queue="Suspect", where="kind = 'slice'")
    assert "meets the condition" in said(tested.info)[0]
    tested = label(sample_slides, where="no_such = 1")
    assert "no_such" in said(tested.error)[0]


def test_undo_with_nothing_to_undo(label, own_slides):
    tested = label(own_slides)
    next(one for one in tested.button if one.label == "Undo").click().run()
    assert said(tested.error) == [
        f"Index {IndexStore.open(own_slides).manifest.name!r} has no labels to undo."
    ]


def test_what_a_url_says_wrongly_is_passed_over(label, sample_slides):
    tested = label(sample_slides, queue=HOSTILE, above="7", doubtful_page="99999")
    assert not tested.error
    assert tested.query_params.get("queue") in (None, [], ["Doubtful"])


def test_of_very_many_items_votes_are_counted_only_when_asked_for(
    label, sample_slides, monkeypatch
):
    monkeypatch.setattr("app.label_queues.UNASKED", 10)
    monkeypatch.setattr("app.suggested.QUICK", 0.0)
    tested = label(sample_slides, queue="New")
    assert "have not been asked yet" in said(tested.info)[0]
    tested.button(key="label_suggest").click().run()
    assert "items · Far from anything labelled" in over_the_gallery(tested)
    tested.run()
    assert "items · Far from anything labelled" in over_the_gallery(tested)


def test_suggestions_that_took_long_are_kept_and_said_to_be_old(label, own_slides, monkeypatch):
    monkeypatch.setattr("app.suggested.QUICK", 0.0)
    tested = label(own_slides, queue="New")
    before = over_the_gallery(tested)
    some = ids(own_slides, "label IS NULL", 2)
    give_labels(own_slides, dict.fromkeys(some, "section"))
    tested.run()
    assert "Labels were given since these suggestions were made." in said(tested.caption)
    assert int(over_the_gallery(tested).split()[0]) == int(before.split()[0]) - 2
    tested.button(key="label_again").click().run()
    tested.run()
    assert "Labels were given since these suggestions were made." not in said(tested.caption)
