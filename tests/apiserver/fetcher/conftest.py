"""Mail for fetchers whose checkpoint is in a cluster."""

from integration.conftest import account, server

__all__ = ["account", "server"]
