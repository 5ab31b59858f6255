"""What a browser says it did, taken once and in order, whatever else it says."""

import pytest
import streamlit as st

from app.components.gallery import pressed
from app.components.steps import take, taken


@pytest.fixture
def session(monkeypatch):
    """A session of one visitor."""
    monkeypatch.setattr(st, "session_state", {})
    return st.session_state


def say(session, key, *steps, run=None):
    session[key] = {"steps": {"run": run or taken(key)["run"], "steps": list(steps)}}


def step(number, at, **said):
    return {"number": number, "at": at, **said}


def test_steps_of_two_components_are_taken_once_in_the_order_they_were_done(session):
    say(session, "a", step(1, 10.0, x=1), step(2, 30.0, x=2))
    say(session, "b", step(1, 20.5, y=1))
    assert [(one.key, one.at) for one in take("a", "b")] == [("a", 10), ("b", 20.5), ("a", 30)]
    assert take("a", "b") == []
    say(session, "a", step(2, 30.0, x=2), step(3, 40.0, x=3))  # said again with what came after
    assert [one.said["x"] for one in take("a", "b")] == [3]
    assert taken("a")["number"] == 3


def test_what_was_done_with_another_server_is_not_done_again(session):
    say(session, "a", step(1, 10.0), run="of a server that is gone")
    assert take("a") == []


@pytest.mark.parametrize(
    "said",
    [None, 3, {}, {"steps": [{}]}, {"steps": "ab"}, {"steps": [[1]]}, {"steps": [step("1", 2)]},
     {"steps": [step(0, 2)]}, {"steps": [step(1, float("nan"))]}, {"steps": [step(1, "2")]}],
)  # fmt: skip
def test_what_is_no_step_is_none(session, said):
    session["a"] = {
        "steps": said if not isinstance(said, dict) else said | {"run": taken("a")["run"]}
    }
    assert take("a") == []


def test_keys_wait_until_they_are_done_and_nonsense_does_not(session):
    good = step(2, 20.0, does="label a", ids=["x"], shown=["x", "y"], ticks=4)
    say(session, "g", step(1, 10.0, does=3, ids="x", shown=[1], ticks="4"), good)
    (one,) = pressed("g")
    assert (one.does, one.ids, one.shown) == ("label a", ["x"], ["x", "y"])
    assert pressed("g") == [one]  # the run may have ended before it was done
    one.step.done()
    assert pressed("g") == []
