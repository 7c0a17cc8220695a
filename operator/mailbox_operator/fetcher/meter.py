"""Counters of a fetcher, cheap enough for the hot path, and the text that `/metrics` serves."""

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

DELIVERY_BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
SINK_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Histogram:
    """Counts by upper bound. `prometheus_client`'s own takes 2 µs an observation, this 0.3."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, *values: float) -> None:
        """Count values."""
        bounds, counts = self.bounds, self.counts
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        self.total += sum(values)

    def buckets(self) -> list[tuple[str, float]]:
        """Return cumulative counts by upper bound."""
        cumulated, result = 0, list[tuple[str, float]]()
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            cumulated += count
            result.append((bound, cumulated))
        return result


class FolderGauge(NamedTuple):
    """How a folder stands, when it is asked for."""

    pending: int
    """Messages found and not yet done with."""
    lag_seconds: float
    """How long ago the oldest message arrived that the sink has not accepted yet; 0: there is none."""


class Meter:
    """What is counted; a collector in the sense of `prometheus_client`."""

    def __init__(self) -> None:
        self.sink = ""
        """Which kind of sink it is that these numbers are of."""
        self.folders: Callable[[], Mapping[str, FolderGauge]] = dict
        """Looks at each folder; only who is scraped pays for it."""
        self.messages_delivered = 0
        self.bytes_delivered = 0
        self.delivery_seconds = Histogram(DELIVERY_BOUNDS)
        self.sink_seconds = Histogram(SINK_BOUNDS)
        self.quarantined = 0
        self.skipped = 0
        self.retries = 0
        self.reconnects = 0
        self.folder_resets = 0
        self.credential_reloads = 0
        self.after_fetch_failures = 0
        self.checkpoint_failures = 0
        self.last_success_seconds = 0.0

    def collect(self) -> "Iterator[Metric]":
        """Return the metrics, for `prometheus_client`."""
        from prometheus_client.metrics_core import (  # noqa: PLC0415 - 4 MiB that only a scraped fetcher pays for
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
            InfoMetricFamily,
        )

        yield InfoMetricFamily("mailbox_fetcher_sink", "Which sink is delivered to.", value={"kind": self.sink})
        for name, text, value in (
            ("messages_delivered", "Messages that the sink accepted.", self.messages_delivered),
            ("bytes_delivered", "Octets of messages that the sink accepted.", self.bytes_delivered),
            ("skipped", "Messages not handed over: duplicates, test messages, too large.", self.skipped),
            ("retries", "Deliveries tried again.", self.retries),
            (
                "after_fetch_failures",
                "Times that the server refused to mark, move or delete.",
                self.after_fetch_failures,
            ),
            ("checkpoint_failures", "Times that the checkpoint could not be written.", self.checkpoint_failures),
            ("reconnects", "Sessions with the mail server after the first.", self.reconnects),
            ("folder_resets", "Times a folder was read again since its numbering held no longer.", self.folder_resets),
            ("credential_reloads", "Sign-ins with a changed credential.", self.credential_reloads),
        ):
            yield CounterMetricFamily(f"mailbox_fetcher_{name}", text, value=value)
        folders = self.folders()
        by_folder = GaugeMetricFamily(
            "mailbox_fetcher_folder_pending", "Messages of a folder found and not yet done with.", labels=["folder"]
        )
        lag = GaugeMetricFamily(
            "mailbox_fetcher_folder_lag_seconds",
            "How long ago the oldest message arrived that the sink has not accepted yet.",
            labels=["folder"],
        )
        for folder, found in folders.items():
            by_folder.add_metric([folder], found.pending)
            lag.add_metric([folder], found.lag_seconds)
        yield by_folder
        yield lag
        pending = sum(found.pending for found in folders.values())
        for name, text, gauge in (
            ("pending", "Messages found and not yet done with.", pending),
            ("quarantined", "Messages given up that wait for somebody.", self.quarantined),
            ("last_success_timestamp_seconds", "When the sink last accepted a message.", self.last_success_seconds),
        ):
            yield GaugeMetricFamily(f"mailbox_fetcher_{name}", text, value=gauge)
        for name, text, histogram in (
            ("delivery_seconds", "From arrival at the mail server (INTERNALDATE) to delivery.", self.delivery_seconds),
            ("sink_seconds", "From the start of a request to the sink's answer.", self.sink_seconds),
        ):
            yield HistogramMetricFamily(
                f"mailbox_fetcher_{name}", text, buckets=histogram.buckets(), sum_value=histogram.total
            )


def render_metrics(meter: Meter) -> bytes:
    """Write the counters in Prometheus' text format, with those of the process."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415 - as above

    registry = CollectorRegistry(auto_describe=False)
    registry.register(meter)
    ProcessCollector(registry=registry)
    return generate_latest(registry)
