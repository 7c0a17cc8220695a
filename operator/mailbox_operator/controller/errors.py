"""The exceptions of the Kubernetes API: a call that failed, and no cluster to call."""

from http import HTTPStatus
from typing import Final

REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY})


class ApiError(Exception):
    """The API server refused a call, or could not be reached (status 0)."""

    def __init__(
        self, message: str, *, status: int, verb: str, resource: str, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{verb} {resource}: {status or 'no answer'}: {message}")
        self.status = status
        self.verb = verb
        self.resource = resource
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asked us to wait."""

    @property
    def gone(self) -> bool:
        """Whether the object, or the namespace around it, is going or gone: nothing to mend."""
        terminating = self.status == HTTPStatus.FORBIDDEN and "being terminated" in self.message
        return self.status == HTTPStatus.NOT_FOUND or terminating

    @property
    def forbidden(self) -> bool:
        """Whether the operator lacks a permission: every authorizer's refusal is `User "…" cannot patch resource "…"`."""
        return self.status == HTTPStatus.FORBIDDEN and " cannot " in self.message

    @property
    def refused(self) -> bool:
        """Whether the API server said no to what was asked: for want of a permission, or by a policy, a webhook, a quota."""
        return (self.status in REFUSALS and not self.gone) or "failed calling webhook" in self.message


class NoClusterError(Exception):
    """Neither this pod nor a kubeconfig says which cluster to talk to: why."""
