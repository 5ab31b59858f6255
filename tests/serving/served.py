"""A server in a thread, with the fake encoder, and what tests send to it."""

import contextlib
import io
import socket
import threading
import time
from dataclasses import dataclass

import httpx
import numpy as np
import uvicorn
from fakes import FakeEncoder, fake_vector, solid

from georetrieve.embedding import EmbeddingService
from georetrieve.serving.app import make_app
from georetrieve.serving.limits import Limits
from georetrieve.serving.run import make_server

WORDS = {"black": (0, 0, 0), "white": (255, 255, 255)}


class WordEncoder(FakeEncoder):
    """Also takes texts: names of colours."""

    def encode_texts(self, texts, *, batch_size=256):
        return np.stack([fake_vector(*WORDS[text]) for text in texts])


class GatedEncoder(FakeEncoder):
    """Encodes only while its gate is open."""

    def __init__(self):
        super().__init__()
        self.gate, self.entered = threading.Event(), threading.Event()

    def encode_prepared(self, batch):
        self.entered.set()
        assert self.gate.wait(10)
        return super().encode_prepared(batch)


@dataclass
class Running:
    """A server, and a client of it."""

    url: str
    http: httpx.Client
    server: uvicorn.Server

    @property
    def place(self):
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def listens(self):
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(self.place, timeout=10).close()
            return True
        return False

    def send_raw(self, data, *, timeout=10):
        """Send bytes over a connection of its own; return all that comes back."""
        with socket.create_connection(self.place, timeout=timeout) as connection:
            connection.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                return b"".join(iter(lambda: connection.recv(65536), b""))


@contextlib.contextmanager
def running(encoder=None, *, index=None, limits=None, max_waiting=256):
    with contextlib.ExitStack() as stack:
        encoder = encoder or WordEncoder()
        service = stack.enter_context(EmbeddingService(encoder, max_waiting=max_waiting))
        app = make_app({encoder.spec.name: service}, index=index, limits=limits or Limits(rate=0))
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.005)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            http = stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=20))
            yield Running(url, http, server)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def png(*colour, size=(8, 8)):
    buffer = io.BytesIO()
    solid(*colour, size=size).save(buffer, "PNG")
    return buffer.getvalue()


def line(answer, status):
    """The one line of a refusal, whose status and form are checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.text.count("\n") == 1
    assert "Traceback" not in answer.text
    assert list(answer.json()) == ["error"]
    return answer.json()["error"]
