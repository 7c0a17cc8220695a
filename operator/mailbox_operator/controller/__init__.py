"""Kubernetes: watches, store, work queue, reconcile, apply. Knows no mail."""
