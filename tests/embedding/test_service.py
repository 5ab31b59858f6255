import io
import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector, solid
from PIL import Image

from georetrieve.embedding import EmbeddingService
from georetrieve.errors import (
    EncoderError,
    ServiceBusyError,
    ServiceError,
    SourceError,
    UnknownFormatError,
)
from georetrieve.sources.options import ReadOptions

WAIT = 10  # seconds after which a test that hangs fails


class GatedEncoder(FakeEncoder):
    """The fake encoder, which encodes only while its gate is open and notes its batches."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.failure = None

    def encode_prepared(self, batch):
        self.batches.append(len(batch))
        self.entered.release()
        assert self.gate.wait(WAIT)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return super().encode_prepared(batch)

    def hold(self, service, image):
        """Occupy the encoder with an image until the gate is opened again."""
        self.gate.clear()
        future = service.submit(image)
        assert self.entered.acquire(timeout=WAIT)
        return future


class WordEncoder(FakeEncoder):
    """Also a text encoder: the vector of a text counts its letters."""

    def encode_texts(self, texts, *, batch_size=256):
        self.images_encoded += len(texts)
        return np.array([[len(text)] + [1] * 12 for text in texts], np.float32)


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def shades(count):
    return [solid(shade, 0, 0) for shade in range(count)]


def eventually(condition):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture
def encoder():
    return GatedEncoder()


def test_vectors_are_exact_and_in_order():
    with EmbeddingService(FakeEncoder(), max_batch=7) as service:
        vectors = service.embed(shades(50))
    expected = np.stack([fake_vector(shade, 0, 0) for shade in range(50)])
    np.testing.assert_array_equal(vectors, expected)
    assert vectors.dtype == np.float32


def test_nothing_gives_no_vectors():
    with EmbeddingService(FakeEncoder()) as service:
        assert service.embed([]).shape == (0, 13)


def test_bytes_of_a_file_are_read_as_when_indexing():
    deep = Image.fromarray(np.full((8, 8), 257 * 40, np.uint16))  # 40 of 255
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    jpeg, tiff = io.BytesIO(), io.BytesIO()
    cmyk.save(jpeg, "JPEG", quality=100)
    deep.save(tiff, "TIFF")
    with EmbeddingService(FakeEncoder()) as service:
        vectors = service.embed([png(deep), tiff.getvalue(), jpeg.getvalue()])
    np.testing.assert_array_equal(vectors[0], fake_vector(40, 40, 40))
    np.testing.assert_array_equal(vectors[1], fake_vector(40, 40, 40))
    np.testing.assert_allclose(vectors[2], fake_vector(255, 0, 0), atol=0.02)


def test_requests_gather_while_the_encoder_is_busy(encoder):
    with EmbeddingService(encoder, max_batch=4, max_delay_ms=0) as service:
        first = encoder.hold(service, solid(0, 0, 0))
        rest = [service.submit(image) for image in shades(11)[1:]]
        eventually(lambda: len(service._ready) == 10)
        encoder.gate.set()
        assert first.result(WAIT) is not None
        for future in rest:
            future.result(WAIT)
    assert encoder.batches == [1, 4, 4, 2]
    stats = service.stats()
    assert (stats.vectors, stats.encoded, stats.batches) == (11, 11, 4)
    assert stats.mean_batch == 11 / 4


def test_a_lone_image_waits_for_company_no_longer_than_the_delay(encoder):
    with EmbeddingService(encoder, max_batch=2, max_delay_ms=60_000) as service:
        alone = service.submit(solid(1, 0, 0))
        eventually(lambda: len(service._ready) == 1)
        assert not alone.done()
        service.submit(solid(2, 0, 0)).result(WAIT)
        assert alone.result(WAIT) is not None
    assert encoder.batches == [2]
    with EmbeddingService(encoder, max_batch=2, max_delay_ms=1) as service:
        service.submit(solid(1, 0, 0)).result(WAIT)
    assert encoder.batches == [2, 1]


def test_known_content_comes_from_the_cache():
    encoder = FakeEncoder()
    with EmbeddingService(encoder) as service:
        first = service.embed([png(solid(9, 9, 9))])
        first[:] = 0  # the caller's own copy
        again = service.embed([png(solid(9, 9, 9))])
        other = service.embed([solid(9, 9, 9)])  # pixels, not the file: another content
    assert encoder.images_encoded == 2
    np.testing.assert_array_equal(again[0], fake_vector(9, 9, 9))
    np.testing.assert_array_equal(other, again)
    assert service.stats().cache_hits == 1
    assert service.stats().cached == 2


def test_the_cache_is_bounded_and_lets_go_of_what_is_oldest():
    encoder = FakeEncoder()
    entry = 13 * 4 + 400
    with EmbeddingService(encoder, cache_mb=2 * entry / 2**20) as service:
        for shade in (1, 2, 1, 3, 1, 2):  # 3 takes the place of 2, since 1 was used after it
            service.embed([solid(shade, 0, 0)])
    assert encoder.images_encoded == 4
    assert service.stats().cache_hits == 2
    assert service.stats().cache_bytes == 2 * entry


def test_without_a_cache_everything_is_encoded():
    encoder = FakeEncoder()
    with EmbeddingService(encoder, cache_mb=0) as service:
        service.embed([solid(1, 1, 1)] * 3)
    assert encoder.images_encoded == 3


def test_identical_images_on_their_way_are_encoded_once(encoder):
    with EmbeddingService(encoder) as service:
        held = encoder.hold(service, solid(0, 0, 0))
        same = [service.submit(solid(5, 0, 0)) for _ in range(6)]
        eventually(lambda: service.stats().shared == 5)
        same[0].cancel()  # whoever came first gives up; the others still get theirs
        encoder.gate.set()
        for future in same[1:]:
            np.testing.assert_array_equal(future.result(WAIT), fake_vector(5, 0, 0))
        held.result(WAIT)
    assert encoder.images_encoded == 2


def test_when_too_much_waits_callers_wait_or_are_turned_away(encoder):
    with EmbeddingService(encoder, max_waiting=3) as service:
        held = [encoder.hold(service, solid(0, 0, 0))]
        held += [service.submit(image) for image in shades(3)[1:]]
        with pytest.raises(ServiceBusyError, match="3 images and texts are waiting"):
            service.submit(solid(9, 0, 0), timeout=0)
        late = []
        patient = threading.Thread(target=lambda: late.append(service.submit(solid(9, 0, 0))))
        patient.start()
        encoder.gate.set()
        patient.join(WAIT)
        np.testing.assert_array_equal(late[0].result(WAIT), fake_vector(9, 0, 0))
        for future in held:
            future.result(WAIT)
    assert service.stats().waiting == 0


def test_one_bad_image_fails_alone():
    bad = {
        b"": UnknownFormatError,
        b"<html>not an image</html>": UnknownFormatError,
        png(Image.effect_noise((64, 64), 90))[:900]: SourceError,
    }
    with EmbeddingService(FakeEncoder()) as service:
        futures = [service.submit(data) for data in bad]
        good = service.submit(solid(7, 7, 7))
        for future, kind in zip(futures, bad.values(), strict=True):
            assert isinstance(future.exception(WAIT), kind)
        np.testing.assert_array_equal(good.result(WAIT), fake_vector(7, 7, 7))
        with pytest.raises(UnknownFormatError):
            service.embed([solid(1, 1, 1), b""])
    assert service.stats().failed == 4


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    bomb = png(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    tiff = io.BytesIO()
    Image.new("L", (9_000, 9_000)).save(tiff, "TIFF", compression="tiff_adobe_deflate")
    with EmbeddingService(FakeEncoder()) as service:
        for data in (bomb, tiff.getvalue()):
            with pytest.raises(SourceError, match="more than the 64,000,000"):
                service.submit(data).result(WAIT)
    with (
        EmbeddingService(FakeEncoder(), reading=ReadOptions(max_pixels=63)) as service,
        pytest.raises(SourceError, match="8×8 pixels, more than the 63"),
    ):
        service.submit(png(solid(1, 1, 1))).result(WAIT)


def test_a_failing_encoder_fails_its_batch_and_the_service_goes_on(encoder):
    encoder.failure = RuntimeError("out of\nmemory")
    with EmbeddingService(encoder, max_batch=2, max_delay_ms=60_000) as service:
        futures = [service.submit(image) for image in shades(2)]
        for future in futures:
            with pytest.raises(EncoderError, match=r"batch of 2: out of memory$"):
                future.result(WAIT)
        np.testing.assert_array_equal(service.embed(shades(2))[1], fake_vector(1, 0, 0))
    assert service.stats().failed == 2


@pytest.mark.parametrize("broken", [np.nan, 0.0])
def test_an_unusable_vector_is_an_error(broken):
    class Broken(FakeEncoder):
        def encode_prepared(self, batch):
            vectors = super().encode_prepared(batch)
            vectors[vectors[:, 0] == 0] = broken
            return vectors

    with EmbeddingService(Broken()) as service:
        bad, good = service.submit(solid(0, 0, 0)), service.submit(solid(255, 0, 0))
        with pytest.raises(EncoderError, match="zero or non-finite"):
            bad.result(WAIT)
        assert good.result(WAIT)[0] == 1


def test_an_encoder_that_gives_too_few_vectors_is_an_error(encoder):
    encoder.encode_prepared = lambda batch: np.ones((len(batch) - 1, 13), np.float32)
    with (
        EmbeddingService(encoder) as service,
        pytest.raises(EncoderError, match=r"\(0, 13\) instead of \(1, 13\)"),
    ):
        service.embed([solid(1, 1, 1)])


def test_closing_waits_for_what_was_accepted(encoder):
    service = EmbeddingService(encoder, max_delay_ms=60_000)
    futures = [service.submit(image) for image in shades(40)]
    service.close()
    assert all(future.done() for future in futures)
    np.testing.assert_array_equal(futures[39].result(), fake_vector(39, 0, 0))
    with pytest.raises(ServiceError, match="closed"):
        service.submit(solid(1, 1, 1))
    service.close()


def test_closing_may_cancel(encoder):
    service = EmbeddingService(encoder)
    held = encoder.hold(service, solid(0, 0, 0))
    futures = [service.submit(image) for image in shades(20)[1:]]
    closing = threading.Thread(target=lambda: service.close(cancel=True))
    closing.start()
    eventually(lambda: service._dropping)
    encoder.gate.set()
    closing.join(WAIT)
    assert not closing.is_alive()
    np.testing.assert_array_equal(held.result(0), fake_vector(0, 0, 0))
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(0)
    assert service.stats().waiting == 0


def test_callers_that_wait_for_a_place_hear_of_the_closing(encoder):
    service = EmbeddingService(encoder, max_waiting=1)
    encoder.hold(service, solid(0, 0, 0))
    errors = []

    def late():
        try:
            service.submit(solid(1, 1, 1))
        except ServiceError as error:
            errors.append(error)

    waiting = threading.Thread(target=late)
    waiting.start()
    closing = threading.Thread(target=service.close)
    closing.start()
    waiting.join(WAIT)
    encoder.gate.set()
    closing.join(WAIT)
    assert len(errors) == 1


def test_an_exception_in_the_block_cancels(encoder):
    futures = []

    def stumble():
        with EmbeddingService(encoder, max_delay_ms=60_000) as service:
            futures.append(service.submit(solid(0, 0, 0)))
            raise KeyError

    with pytest.raises(KeyError):
        stumble()
    with pytest.raises(CancelledError):
        futures[0].result(0)


def test_texts_are_embedded_where_the_encoder_takes_them():
    encoder = WordEncoder()
    with EmbeddingService(encoder, max_batch=2) as service:
        vectors = service.embed_texts(["a", "bcd", "a" * 7])
        service.embed_texts(["bcd"])
        assert service.embed([solid(255, 0, 0)])[0][0] == 1
    assert vectors[:, 0].tolist() == [1, 3, 7]
    assert encoder.images_encoded == 4
    with (
        EmbeddingService(FakeEncoder()) as service,
        pytest.raises(EncoderError, match="fake describes images only"),
    ):
        service.embed_texts(["a"])


def test_many_callers_at_once_each_get_their_own():
    wrong = []
    with EmbeddingService(FakeEncoder(), max_batch=8, max_waiting=16) as service:

        def caller(number):
            for step in range(40):
                colour = (number, step, (number * step) % 7)
                found = service.submit(png(solid(*colour))).result(WAIT)
                if not np.array_equal(found, fake_vector(*colour)):
                    wrong.append(colour)

        threads = [threading.Thread(target=caller, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert wrong == []
    stats = service.stats()
    assert stats.vectors == 16 * 40
    assert stats.encoded + stats.cache_hits + stats.shared == stats.vectors
    assert 0 < stats.encoder_share <= 1
    assert stats.per_second > 0
    assert list(stats.latency_ms) == [50, 95, 99]


@pytest.mark.parametrize("wrong", [{"max_batch": 0}, {"max_waiting": 0}])
def test_sizes_start_at_one(wrong):
    with pytest.raises(ServiceError, match="is 0; it starts at 1"):
        EmbeddingService(FakeEncoder(), **wrong)
