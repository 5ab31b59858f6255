"""The page's server: who may reach it, what it asks of others, what it says when it cannot."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect
from typer.testing import CliRunner

from georetrieve.cli.app import app as command
from georetrieve.errors import IndexNotFoundError, MissingExtraError, ServiceError
from georetrieve.serving import page_server
from georetrieve.serving.page_server import OwnPagesOnly, PageOptions, find_page, run_page


async def _hello(request):
    return PlainTextResponse("hello")


async def _socket(socket):
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def guarded():
    inner = Starlette(routes=[Route("/", _hello), WebSocketRoute("/stream", _socket)])
    return TestClient(
        OwnPagesOnly(inner, hosts={"rocks.example"}), base_url="http://127.0.0.1:8501"
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "rocks.example"]
)
def test_own_names_are_served(guarded, host):
    assert guarded.get("/", headers={"Host": host}).text == "hello"
    with guarded.websocket_connect("/stream", headers={"Host": host}) as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_other_sites_are_refused(guarded, headers):
    answer = guarded.get("/", headers=headers)
    assert answer.status_code == 403
    assert "hello" not in answer.text
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        guarded.websocket_connect("/stream", headers=headers) as socket,
    ):
        socket.receive_text()


def test_the_page_is_found_beside_the_package():
    assert find_page().parts[-2:] == ("app", "main.py")


def test_a_page_that_was_not_installed_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(page_server, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(MissingExtraError, match="install georetrieve anew"):
        find_page()


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(page_server, "PACKAGES", ("no_such_package",))
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'georetrieve[app]'")):
        run_page(PageOptions(), ready=print)


def test_no_such_index(tmp_path):
    with pytest.raises(IndexNotFoundError, match="no index"):
        run_page(PageOptions(index=str(tmp_path / "none")), ready=print)


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"127.0.0.1:{port} cannot be listened on"):
            run_page(PageOptions(port=port), ready=print)


def test_help_has_examples():
    shown = CliRunner().invoke(command, ["app", "--help"]).output
    assert "georetrieve app slides" in shown
    assert "127.0.0.1" in shown


def test_nothing_listens_beyond_this_machine(tmp_path):
    """Sockets of the running server, as the kernel lists them."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "georetrieve", "app", "--port", "0", "--no-browser"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        port = _port_of(tmp_path / "log", process)
        addresses = _listening(process.pid)
        assert [one for _, one in addresses] == [port]
        assert {host for host, _ in addresses} == {"127.0.0.1"}
    finally:
        process.terminate()
        assert process.wait(timeout=20) in (0, -15, 143)


def _port_of(log, process):
    import time

    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"^http://127\.0\.0\.1:(\d+)", log.read_text(), re.MULTILINE)
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def _listening(pid):
    psutil = pytest.importorskip("psutil", reason="psutil is not installed")
    connections = psutil.Process(pid).net_connections(kind="inet")
    return [tuple(one.laddr) for one in connections if one.status == psutil.CONN_LISTEN]


@pytest.mark.parametrize("suffix", [".py", ".js", ".css"])
def test_scripts_and_styles_ask_for_nothing_elsewhere(suffix):
    folder = find_page().parent
    for path in folder.rglob(f"*{suffix}"):
        text = Path(path).read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]{2,}", text), path


def test_only_what_starts_the_page_imports_streamlit():
    package = Path(page_server.__file__).parents[1]
    users = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import|from) streamlit", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    # The second is a bare page that ours is timed beside.
    assert sorted(users) == ["benchmarks/page_process.py", "serving/page_server.py"]
