"""What the operator counts, for Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

RECONCILES: Final = Counter("mailbox_operator_reconciles_total", "Visits of an object.", ["kind"])
RECONCILE_SECONDS: Final = Histogram("mailbox_operator_reconcile_seconds", "Seconds a visit took.", ["kind"])
RECONCILE_ERRORS: Final = Counter("mailbox_operator_reconcile_errors_total", "Visits that failed.", ["kind"])
QUEUE_DEPTH: Final = Gauge("mailbox_operator_queue_depth", "Objects that wait for a visit.", ["lane"])
VISITS_RUNNING: Final = Gauge("mailbox_operator_visits_running", "Visits that go on.")
VERIFICATIONS: Final = Counter(
    "mailbox_operator_verifications_total", "Runs of the steps, by the reason of the first failed one.", ["reason"]
)
VERIFICATIONS_RUNNING: Final = Gauge("mailbox_operator_verifications_running", "Runs that go on.")
API_REQUESTS: Final = Counter(
    "mailbox_operator_api_requests_total", "Calls to the Kubernetes API.", ["verb", "resource", "code"]
)
STATUS_WRITES: Final = Counter("mailbox_operator_status_writes_total", "Statuses written.", ["kind"])
PERMISSIONS_MISSING: Final = Gauge(
    "mailbox_operator_permission_missing", "1 for each permission that is missing.", ["group", "resource", "verb"]
)
MAILBOXES: Final = Gauge("mailbox_operator_mailboxes", "Mailboxes by the status of Ready.", ["ready"])
WATCH_RESTARTS: Final = Counter("mailbox_operator_watch_restarts_total", "Times that all watches had to begin anew.")
