"""Numbers for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """What one gateway counts. Labels are groups and statuses, never paths or people."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "primehub_gateway_requests", "Answered requests", ("group", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "primehub_gateway_request_seconds",
            "Time from request to the end of the answer",
            ("group",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.open = Gauge("primehub_gateway_open", "Requests and connections under way", registry=self.registry)
        self.routes = Gauge("primehub_gateway_routes", "Routes in the table", registry=self.registry)
        self.current = Gauge(
            "primehub_gateway_table_current", "Whether the API has confirmed the table just now", registry=self.registry
        )

    def answered(self, group: str, status: int, seconds: float, *, stayed: bool) -> None:
        """One request was answered; ``group`` is empty where it reached no route. What ``stayed`` open has no duration."""
        self._requests.labels(group, str(status)).inc()
        if not stayed:
            self._seconds.labels(group).observe(seconds)

    def text(self) -> bytes:
        """All numbers, in Prometheus's text format."""
        return generate_latest(self.registry)
