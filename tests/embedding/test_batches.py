"""Requests gather into batches: enough of one lane, or old enough, or nothing more to wait for."""

import threading

import pytest

from georetrieve.embedding.batches import BatchQueue
from georetrieve.embedding.request import Request

LONG = 3600.0


def filled(*lanes, most=4, delay=0.0):
    queue = BatchQueue(most, delay)
    requests = [Request(lane, b"") for lane in lanes]
    for request in requests:
        queue.put(request)
    return queue, requests


def test_a_batch_is_of_one_lane_and_the_oldest_goes_first():
    queue, (text, image, other) = filled("text", "image", "text")
    assert queue.take() == [text, other]
    assert queue.take() == [image]
    assert len(queue) == 0


def test_a_full_batch_waits_for_nobody():
    queue, requests = filled(*["image"] * 5, most=4, delay=LONG)
    assert queue.take() == requests[:4]
    assert len(queue) == 1


@pytest.mark.parametrize("delay", [0.0, 0.01])
def test_a_request_waits_no_longer_than_the_delay(delay):
    queue, requests = filled("image", delay=delay)
    assert queue.take() == requests


def test_what_comes_while_others_wait_is_in_their_batch():
    queue, (first,) = filled("image", most=2, delay=LONG)
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    second = Request("image", b"")
    queue.put(second)
    thread.join(60)
    assert taken == [[first, second]]


def test_at_the_end_nobody_waits_and_then_there_is_nothing():
    queue, requests = filled("image", delay=LONG)
    queue.hurry()
    assert queue.take() == requests
    queue.finish()
    assert queue.take() == []
