"""Names of the API: group, version, labels, annotations."""

from typing import Final

GROUP: Final = "mailbox-operator.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

MAILBOX_LABEL: Final = f"{GROUP}/mailbox"
"""On each child: the name of its Mailbox."""
RECONCILE_ANNOTATION: Final = f"{GROUP}/reconcile-at"
"""Any token; asks for a full verification."""
QUARANTINE_ANNOTATION: Final = f"{GROUP}/quarantine"
"""What is asked of the quarantine: `retry all TOKEN`, `drop KEY TOKEN`; the same line is obeyed once."""
FLUX_RECONCILE_ANNOTATION: Final = "reconcile.fluxcd.io/requestedAt"
"""Flux's own spelling of the same wish."""
