"""The development cluster: a Go module of its own, and its launcher."""
