"""Numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one services process counts. Labels are routes' names, never paths or people."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "primehub_api_requests", "Answered requests", ("route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "primehub_api_request_seconds",
            "Time from request to answer",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.streams = Gauge("primehub_event_streams", "Open event streams", registry=self.registry)
        self._claims = self._gauge("primehub_claims", "Claims that count now", "kind")
        self._notebooks = self._gauge("primehub_notebooks", "Notebooks that have not ended", "phase")
        self._totals = self._gauge("primehub_total", "How many there are", "of")

    def _gauge(self, name: str, what: str, label: str) -> Gauge:
        return Gauge(name, what, (label,), registry=self.registry)

    def take(self, *, claims: Mapping[str, int], notebooks: Mapping[str, int], totals: Mapping[str, int]) -> None:
        """What the store counts now, in place of what it counted before."""
        for gauge, values in ((self._claims, claims), (self._notebooks, notebooks), (self._totals, totals)):
            gauge.clear()
            for label, value in values.items():
                gauge.labels(label).set(value)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, str(status)).inc()
        if route != "events.stream":
            self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All numbers, in Prometheus's text format."""
        return generate_latest(self.registry)
