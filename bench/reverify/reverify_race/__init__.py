"""Re-verification of healthy mailboxes by the operator, against the barest loop that does the same to a server."""
