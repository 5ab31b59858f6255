import importlib.util
import signal
import socket
import subprocess
import sys

import pytest

from georetrieve.errors import IndexNotFoundError, MissingExtraError, ServiceError
from georetrieve.serving import Client
from georetrieve.serving.limits import Limits
from georetrieve.serving.load import LoadOptions, run_load
from georetrieve.serving.run import ServerOptions, is_loopback, serve


@pytest.fixture(autouse=True)
def own_signals():
    """``serve`` is for a process of its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def never(url):
    pytest.fail(f"listens on {url}")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.7", False),
        ("core-store", False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_a_port_that_is_taken_is_one_line():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServiceError, match=r"cannot be listened on \(Address already in use\)"),
    ):
        serve(ServerOptions(port=taken.getsockname()[1]), ready=never)


def test_an_index_that_is_not_there_is_one_line(tmp_path):
    options = ServerOptions(index=str(tmp_path / "none"), port=0)
    with pytest.raises(IndexNotFoundError):
        serve(options, ready=never)


def test_what_is_not_installed_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "fastapi" else find(name)
    )
    with pytest.raises(MissingExtraError, match=r"needs fastapi.*pip install 'georetrieve\[serve"):
        serve(ServerOptions(), ready=never)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(number):
    command = [sys.executable, "-m", "georetrieve", "serve", "--port", "0", "--max-mb", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        url = process.stderr.readline().split()[0]
        with Client(url) as client:
            assert client.health()["encoders"][0]["name"] == "bundled"
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait(30) == 0
    assert "Traceback" not in said


@pytest.mark.slow
def test_sixty_four_clients_for_a_minute():
    values = run_load(LoadOptions(encoder="bundled", clients=64, seconds=60, count=64))
    assert values["errors"] == values["wrong_vectors"] == values["refused_wrongly"] == 0
    assert values["exit_status"] == 0
    assert values["requests"] > 100
    assert values["refused_as_expected"] > 20
    assert values["memory_last_quarter_mib"] < 1.25 * values["memory_second_quarter_mib"]


def test_limits_are_in_bytes():
    assert Limits(max_mb=0.5).max_bytes == 524_288
