"""Tests against a real API server, without a node."""
