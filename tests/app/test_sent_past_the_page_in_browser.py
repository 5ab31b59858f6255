"""What a page would not send, a program can: 200 MB to the address where the page puts uploads."""

import contextlib
import http.client
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


@pytest.fixture
def upload(tab, served, tmp_path):
    """Where and how the page of this session puts a file, taken from one it did put."""
    image = tmp_path / "small.png"
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(image)
    tab.goto(f"{served.url}/query")
    tab.get_by_role("button", name="Upload").click()
    with tab.expect_request(lambda request: request.method == "PUT") as sent:
        tab.locator("input[type=file]").set_input_files(image)
    request = sent.value
    return request.url, request.all_headers()


def put(url, headers, *, megabytes, chunked):
    """The status of a PUT of so much; None if the connection was closed instead."""
    place = urlsplit(url)
    kept = {name: headers[name] for name in ("cookie", "x-xsrftoken", "origin") if name in headers}
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    connection.putrequest("PUT", place.path)
    for name, value in kept.items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", "multipart/form-data; boundary=cut")
    head = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="big.tif"\r\n\r\n'
        + bytes(1 << 20)
    )
    if chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(megabytes << 20))
    connection.endheaders()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for number in range(megabytes if chunked else 1):
            piece = head if number == 0 else bytes(1 << 20)
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    try:
        return connection.getresponse().status
    except (ConnectionResetError, http.client.RemoteDisconnected):
        return None  # closed on us while we were still sending
    finally:
        connection.close()


def test_200_mb_that_are_announced_are_refused_before_they_come(upload):
    assert put(*upload, megabytes=200, chunked=False) == 413


def test_200_mb_that_are_not_announced_are_refused_too(upload):
    assert put(*upload, megabytes=200, chunked=True) in (413, None)


def test_without_the_session_nothing_is_taken(upload):
    url, headers = upload
    before, _, file = url.rpartition("/")
    elsewhere = f"{before.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000/{file}"
    assert put(elsewhere, headers, megabytes=1, chunked=True) in (400, 403, 404)
