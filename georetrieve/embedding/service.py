"""One encoder, many callers.

    submit ──► decode and shrink, in threads ──► wait for a batch ──► encode, in one thread

Callers get a future at once and the vector when the batch it is in has been encoded. Nothing is
lost on the way: every request that is accepted ends with a vector, an error or a cancellation, and
keeps its place among the ``max_waiting`` until then.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from georetrieve.embedding.batches import BatchQueue
from georetrieve.embedding.cache import VectorCache, content_key
from georetrieve.embedding.request import Request, as_ours
from georetrieve.embedding.stats import ServiceStats, Tally
from georetrieve.errors import EncoderError, ServiceBusyError, ServiceError
from georetrieve.protocols import ImageEncoder, TextEncoder
from georetrieve.sources.memory import read_bytes
from georetrieve.sources.options import ReadOptions
from georetrieve.types import FloatArray

__all__ = ["EmbeddingService"]

LARGEST_PIXELS = 64_000_000


class EmbeddingService:
    """Encodes images, and texts where the encoder takes them, for many callers at once.

    Batches form by themselves: while the encoder is busy, requests gather. Images are decoded and
    shrunk in threads beside it. What has been encoded of late comes from a cache, found by its
    content; identical requests on their way are encoded once.

    Thread-safe. Used as a context manager, which waits for what has been submitted; after an
    exception it cancels what has not been encoded.

    Args:
        encoder: Any image encoder; a text encoder too if texts are to be embedded.
        max_batch: Most images encoded at once.
        max_delay_ms: How long a prepared image waits, at most, for others to share its batch while
            the encoder has nothing else to do.
        prepare_threads: Threads that decode and shrink; 0: one a processor.
        cache_mb: Size of the cache, MiB; 0: no cache, and nothing is hashed.
        max_waiting: Requests accepted and not yet answered, at most; further callers wait.
        reading: How images that come as bytes are read. By default no more than 64 million pixels
            are taken.

    Raises:
        ServiceError: A size is not a positive number.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        *,
        max_batch: int = 32,
        max_delay_ms: float = 5.0,
        prepare_threads: int = 0,
        cache_mb: float = 64,
        max_waiting: int = 256,
        reading: ReadOptions | None = None,
    ) -> None:
        _check(max_batch=max_batch, max_waiting=max_waiting)
        self.encoder = encoder
        self._fingerprint = encoder.spec.fingerprint
        self._max_batch, self._max_waiting = max_batch, max_waiting
        self._reading = reading or ReadOptions(max_pixels=LARGEST_PIXELS)
        self._cache = VectorCache(int(cache_mb * 2**20))
        self._tally = Tally()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)  # a place among the waiting is free
        self._ready = BatchQueue(max_batch, max(0.0, max_delay_ms) / 1000)
        self._on_their_way: dict[bytes, Request] = {}
        self._closing = self._dropping = False
        self._preparing = ThreadPoolExecutor(
            prepare_threads or os.cpu_count() or 1, thread_name_prefix="prepare"
        )
        self._encoding = threading.Thread(target=self._run, name="encode", daemon=True)
        self._encoding.start()

    # --- for callers --------------------------------------------------------------------------

    def submit(
        self, image: Image.Image | bytes, *, timeout: float | None = None
    ) -> Future[FloatArray]:
        """Ask for the vector of an image.

        Args:
            image: RGB, not changed until the future is done; or the bytes of an image file.
            timeout: Seconds to wait for a place among the waiting; 0 does not wait, None waits as
                long as it takes.

        Returns:
            A future of the (D,) float32 vector. It raises SourceError when the image cannot be
            read, EncoderError when the encoder fails.

        Raises:
            ServiceBusyError: No place became free in time.
            ServiceError: The service is closed.
        """
        return self._accept(Request("image", image), timeout)

    def submit_text(self, text: str, *, timeout: float | None = None) -> Future[FloatArray]:
        """Ask for the vector of a text; see :meth:`submit`.

        Raises:
            EncoderError: The encoder takes images only.
        """
        if not isinstance(self.encoder, TextEncoder):
            raise EncoderError(
                f"{self.encoder.spec.name} describes images only; for texts choose an encoder that "
                "was trained on both, such as a CLIP model."
            )
        return self._accept(Request("text", text), timeout)

    def embed(self, images: Iterable[Image.Image | bytes]) -> FloatArray:
        """Return the (N, D) vectors of N images; see :meth:`submit`."""
        return self._collect([self.submit(image) for image in images])

    def embed_texts(self, texts: Iterable[str]) -> FloatArray:
        """Return the (N, D) vectors of N texts; see :meth:`submit_text`."""
        return self._collect([self.submit_text(text) for text in texts])

    def stats(self) -> ServiceStats:
        """What has been done so far."""
        with self._lock:
            return self._tally.stats(cached=len(self._cache), cache_bytes=self._cache.nbytes)

    def close(self, *, cancel: bool = False) -> None:
        """Take nothing more, and wait for what has been accepted; closing twice is harmless.

        Not to be called from a callback of a future, which runs in the service's own threads.

        Args:
            cancel: Do not wait: cancel what the encoder does not hold already.
        """
        with self._lock:
            self._closing = True
            self._dropping = self._dropping or cancel
            self._room.notify_all()
        self._ready.hurry()
        self._preparing.shutdown(wait=True)
        self._ready.finish()
        self._encoding.join()

    def __enter__(self) -> EmbeddingService:
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        self.close(cancel=kind is not None)

    def _collect(self, futures: Sequence[Future[FloatArray]]) -> FloatArray:
        try:
            vectors = [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return np.stack(vectors) if vectors else np.empty((0, self.encoder.spec.dim), np.float32)

    def _accept(self, request: Request, timeout: float | None) -> Future[FloatArray]:
        with self._lock:
            if not self._room.wait_for(
                lambda: self._closing or self._tally.waiting < self._max_waiting, timeout
            ):
                raise ServiceBusyError(
                    f"{self._max_waiting} images and texts are waiting to be encoded, as many as "
                    "are taken; try again later."
                )
            if self._closing:
                raise ServiceError("The embedding service is closed; start another.")
            self._tally.enter()
            # Under the lock, so that closing never finds a request between the two.
            self._preparing.submit(self._prepare, request)
        return request.future

    # --- in the preparing threads -------------------------------------------------------------

    def _prepare(self, request: Request) -> None:
        if self._dropping or request.future.cancelled():
            self._answer(request)
            return
        try:
            if self._is_known(request):
                return
            request.prepared = self._prepared(request)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who finds it in the future
            self._answer(request, error=as_ours(error, "This input cannot be prepared"))
            return
        request.content = None
        self._ready.put(request)

    def _is_known(self, request: Request) -> bool:
        """Whether a vector of this content is kept (it is handed out) or on its way."""
        if not self._cache.limit_bytes or request.content is None:
            return False
        key = content_key(self._fingerprint, request.content)
        with self._lock:
            vector = self._cache.get(key)
            if vector is not None:
                self._tally.cache_hits += 1
            elif key in self._on_their_way:
                self._tally.shared += 1
                request.content = None
                self._on_their_way[key].followers.append(request)
                return True
            else:
                request.key = key
                self._on_their_way[key] = request
                return False
        self._answer(request, vector)
        return True

    def _prepared(self, request: Request) -> Any:  # noqa: ANN401 - the encoder's own business
        content = request.content
        if isinstance(content, str):
            return content
        if isinstance(content, bytes):
            content = read_bytes(content, self._reading)
        if not isinstance(content, Image.Image):
            raise EncoderError(f"{type(content).__name__} is no image; give a PIL image or bytes.")
        return self.encoder.prepare(content)

    # --- in the encoding thread ---------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._ready.take():
            if self._dropping:
                for request in batch:
                    self._answer(request)
            else:
                self._encode(batch)

    def _encode(self, batch: list[Request]) -> None:
        start = time.perf_counter()
        try:
            vectors = self._vectors(batch)
        except Exception as error:  # noqa: BLE001 - the callers find it in their futures
            failure = as_ours(error, f"The encoder failed on a batch of {len(batch)}")
            for request in batch:
                self._answer(request, error=failure)
            return
        with self._lock:
            self._tally.batch(len(batch), time.perf_counter() - start)
        for request, vector in zip(batch, vectors, strict=True):
            if np.isfinite(vector).all() and vector.any():
                self._answer(request, vector.copy())
            else:
                name = self.encoder.spec.name
                reason = f"{name} gave a zero or non-finite vector for this input."
                self._answer(request, error=EncoderError(reason))

    def _vectors(self, batch: list[Request]) -> FloatArray:
        inputs = [request.prepared for request in batch]
        for request in batch:
            request.prepared = None
        if batch[0].lane == "text" and isinstance(self.encoder, TextEncoder):
            vectors = self.encoder.encode_texts(inputs, batch_size=self._max_batch)
        else:
            vectors = self.encoder.encode_prepared(inputs)
        expected = (len(batch), self.encoder.spec.dim)
        if vectors.shape != expected:
            raise EncoderError(f"The encoder gave an array {vectors.shape} instead of {expected}.")
        return np.asarray(vectors, np.float32)

    # --- the answer ---------------------------------------------------------------------------

    def _answer(
        self,
        request: Request,
        vector: FloatArray | None = None,
        *,
        error: Exception | None = None,
    ) -> None:
        """Settle a request and its followers: with a vector, an error, or a cancellation."""
        request.content = request.prepared = None
        with self._lock:
            if request.key is not None:
                del self._on_their_way[request.key]
                if vector is not None:
                    self._cache.put(request.key, vector)
            settled = [request, *request.followers]
        for one in settled:
            if vector is None and error is None:
                one.future.cancel()
            wanted = one.future.set_running_or_notify_cancel()
            # The place is free before the caller hears of it, who may come again at once.
            with self._lock:
                self._tally.leave(one.accepted, failed=error is not None, cancelled=not wanted)
                self._room.notify()
            if wanted and error is not None:
                one.future.set_exception(error)
            elif wanted and vector is not None:
                one.future.set_result(vector.copy())


def _check(**sizes: int) -> None:
    for name, value in sizes.items():
        if value < 1:
            raise ServiceError(f"{name} is {value}; it starts at 1.")
