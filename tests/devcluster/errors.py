"""What may go wrong with the development cluster."""


class ClusterError(Exception):
    """What went wrong, and what to do about it."""
