"""The reasons that the operator itself gives in conditions."""

from enum import StrEnum


class Reason(StrEnum):
    """Reasons that the operator itself gives; those of a server's faults come from `diagnosis`."""

    SUCCEEDED = "Succeeded"
    PENDING = "Pending"
    PROGRESSING = "Progressing"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    INTERNAL_ERROR = "InternalError"
    NOT_APPLICABLE = "NotApplicable"
    NOT_IMPLEMENTED = "NotImplemented"
    BLOCKED_BY_EARLIER_STEP = "BlockedByEarlierStep"
    SUSPENDED = "Suspended"
    INVALID_SPEC = "InvalidSpec"
    INSECURE_NOT_ALLOWED = "InsecureNotAllowed"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    SECRET_KEY_NOT_FOUND = "SecretKeyNotFound"  # noqa: S105 - a reason
    SECRET_TYPE_WRONG = "SecretTypeWrong"  # noqa: S105 - a reason
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound"
    CONFIG_MAP_KEY_NOT_FOUND = "ConfigMapKeyNotFound"
    CLAIM_NOT_FOUND = "PersistentVolumeClaimNotFound"
    PROVIDER_NOT_FOUND = "ProviderNotFound"
    IDLE = "Idle"
    FETCHER_STARTING = "FetcherStarting"
    FETCHER_STOPPED = "FetcherStopped"
    FETCHER_REFUSED = "FetcherRefused"
    SINK_FAILING = "SinkFailing"
    SINK_GONE = "SinkGone"
