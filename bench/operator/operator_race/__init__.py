"""How many objects a second an operator brings to their first status, what it asks of the API server meanwhile, and who waits.

Three contestants run on the same control plane, round by round in turn: a minimal Go controller (`gobox/`), a minimal
operator of kopf's handlers (`kopf_handlers.py`), and this project's operator with suspended Mailboxes.
"""
