"""Vectors kept by the content they are of."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from PIL import Image

from georetrieve.types import FloatArray

__all__ = ["VectorCache", "content_key"]

# What Python needs for one entry beside the numbers: key, array header, node of the dictionary.
ENTRY_BYTES = 400


def content_key(fingerprint: str, content: Image.Image | bytes | str) -> bytes:
    """A key over the encoder and the content: bytes of a file, pixels, or a text.

    The bytes of a file and the pixels in it are two contents, since one does not tell the other
    without decoding.
    """
    if isinstance(content, Image.Image):
        what, data = f"{content.mode} {content.size}", content.tobytes()
    elif isinstance(content, str):
        what, data = "text", content.encode("utf-8", "surrogatepass")
    else:
        what, data = "file", content
    digest = hashlib.sha256(f"{fingerprint} {what}\0".encode())
    digest.update(data)
    return digest.digest()


class VectorCache:
    """The vectors used last, up to a number of bytes; not thread-safe by itself.

    Args:
        limit_bytes: What the entries may take together; 0 keeps nothing.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.nbytes = 0
        self._entries: OrderedDict[bytes, FloatArray] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> FloatArray | None:
        """The (D,) vector of a content, or None; it is the last to go from now on."""
        vector = self._entries.get(key)
        if vector is not None:
            self._entries.move_to_end(key)
        return vector

    def put(self, key: bytes, vector: FloatArray) -> None:
        """Keep a (D,) vector; those unused for longest make room for it."""
        if key in self._entries:
            return
        self._entries[key] = vector
        self.nbytes += vector.nbytes + ENTRY_BYTES
        while self.nbytes > self.limit_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.nbytes -= oldest.nbytes + ENTRY_BYTES
