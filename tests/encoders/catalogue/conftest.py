"""Weights from a server on this machine, into a folder of the test's own."""

import threading

import pytest
from weight_server import Server

from georetrieve import cli
from georetrieve.encoders.catalogue.weights_folder import WeightsFolder


@pytest.fixture
def make_server():
    """Start a server; it ends with the test."""
    servers = []

    def make():
        server = Server()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No weights, tokens, mirrors or proxies of this machine's user; no waiting."""
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "GEORETRIEVE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def kept(tmp_path):
    return WeightsFolder(tmp_path / "weights")


@pytest.fixture
def run(monkeypatch, capsys):
    """Call the command line; return exit status, standard output and standard error."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["georetrieve", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return call
