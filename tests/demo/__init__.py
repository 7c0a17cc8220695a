"""`make demo`: a mailbox from nothing to its mail, on a cluster of its own."""
