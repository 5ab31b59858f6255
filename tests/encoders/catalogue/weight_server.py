"""A server of weights on this machine, with the habits and vices of those of the world."""

import http.server
from dataclasses import dataclass, field
from email.utils import formatdate

from georetrieve.encoders.catalogue.entry import Entry, RemoteFile

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Published:
    """A file on the server, and how it is served.

    Attributes:
        content: Its bytes.
        etag: Of the content; "" sends none.
        modified: Whether a modification time is sent.
        status: Answered in place of the file, unless it is 200.
        drops: Break the connection after so many bytes; the next request gets the next number.
        moved: Where to look instead.
        headers: Sent with whatever is answered.
        kind: Content type.
        needs: Token without which the answer is 401.
        ranges: Parts are sent when asked for.
    """

    content: bytes = b""
    etag: str = '"one"'
    modified: bool = False
    status: int = 200
    drops: list[int] = field(default_factory=list)
    moved: str = ""
    headers: dict = field(default_factory=dict)
    kind: str = "application/octet-stream"
    needs: str = ""
    ranges: bool = True


@dataclass
class Asked:
    path: str
    headers: dict


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(Asked(self.path, dict(self.headers)))
        file = self.server.files.get(self.path)
        if file is None:
            self.refuse(404, {})
        elif file.needs and self.headers.get("Authorization") != f"Bearer {file.needs}":
            self.refuse(401, file.headers)
        elif file.moved:
            self.refuse(302, {**file.headers, "Location": file.moved})
        elif file.status != 200:
            self.refuse(file.status, file.headers)
        else:
            self.send(file)

    def refuse(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, file):
        size, start = len(file.content), 0
        asked = self.headers.get("Range")
        if asked and file.ranges and self.headers.get("If-Range") == validator(file):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= size:
                return self.refuse(416, {"Content-Range": f"bytes */{size}"})
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if file.etag:
            self.send_header("ETag", file.etag)
        if file.modified:
            self.send_header("Last-Modified", formatdate(0, usegmt=True))
        for name, value in file.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", file.kind)
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        body = file.content[start:]
        if file.drops:
            body = body[: file.drops.pop(0)]
            self.close_connection = True
        return self.wfile.write(body)

    def log_message(self, *args):
        pass


def validator(file):
    if file.etag and not file.etag.startswith("W/"):
        return file.etag
    return formatdate(0, usegmt=True) if file.modified else None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # joined when the server closes

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def publish(self, path, content=b"", **habits):
        """Put a file on the server; return its address."""
        self.files[path] = Published(content, **habits)
        return self.url + path


def entry(*sources, name="some-vit", sha256="", further=(), **facts):
    """An entry of the catalogue whose weights are at these sources."""
    weights = RemoteFile(name="weights.pth", sources=sources, sha256=sha256)
    return Entry(
        **{
            "name": name,
            "summary": "",
            "family": "timm",
            "arch": "test_vit",
            "files": (weights, *further),
            "dim": 64,
            "patch_px": 16,
            "side_px": 160,
            **facts,
        }
    )


def tree(folder):
    """Every file below a folder with its bytes, the locks left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".locks" not in path.parts
    }


def one_line(err):
    """What is on standard error, if it is one line."""
    assert err.count("\n") == 1, err
    return err
