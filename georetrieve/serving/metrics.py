"""Figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from georetrieve.embedding import EmbeddingService, ServiceStats

__all__ = ["Metrics"]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
COUNTERS = {
    "vectors": "Vectors handed out",
    "failed": "Requests for a vector that ended with an error",
    "encoded": "Images and texts that went through the encoder",
    "batches": "Calls of the encoder",
    "cache_hits": "Vectors that came from the cache",
    "shared": "Vectors shared with an identical request on its way",
}
GAUGES = {
    "waiting": "Images and texts accepted and not yet answered",
    "mean_batch": "Images or texts a call of the encoder",
    "encoder_share": "Share of the busy time in which the encoder was at work",
    "cached": "Vectors in the cache",
    "cache_bytes": "Size of the cache",
}


class Metrics:
    """Counts requests, and reads the services' own counts when it is asked.

    Args:
        services: By the name of their encoder.
        body_bytes: Tells how much the bodies held in memory take.
    """

    def __init__(
        self, services: Mapping[str, EmbeddingService], body_bytes: Callable[[], int]
    ) -> None:
        self._registry = CollectorRegistry()
        held = Gauge("georetrieve_body_bytes", "Bodies held in memory", registry=self._registry)
        held.set_function(body_bytes)
        self._requests = Counter(
            "georetrieve_requests", "Requests", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "georetrieve_request_seconds",
            "From the head of a request to the end of its answer",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._registry.register(_Services(services))
        ProcessCollector(registry=self._registry)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """A request has been answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Services(Collector):
    def __init__(self, services: Mapping[str, EmbeddingService]) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        stats = {name: service.stats() for name, service in self._services.items()}
        for field, text in COUNTERS.items():
            counter = CounterMetricFamily(f"georetrieve_{field}", text, labels=["encoder"])
            yield _filled(counter, field, stats)
        for field, text in GAUGES.items():
            gauge = GaugeMetricFamily(f"georetrieve_{field}", text, labels=["encoder"])
            yield _filled(gauge, field, stats)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, field: str, stats: Mapping[str, ServiceStats]
) -> Metric:
    for name, values in stats.items():
        family.add_metric([name], float(getattr(values, field)))
    return family
