"""A webhook as a sink: one CloudEvent a message."""
