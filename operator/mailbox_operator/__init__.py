"""Mailboxes as Kubernetes objects: declared, proven step by step, fetched without a loss."""
