import socket

import pytest


@pytest.fixture
def weights_root(tmp_path, monkeypatch):
    """An empty weights folder, without network or another cache to fall back on."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(variable, str(home))
    root = tmp_path / "weights"
    root.mkdir()
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(root))
    yield root
    assert list(home.iterdir()) == [], "something was written to the home folder"
