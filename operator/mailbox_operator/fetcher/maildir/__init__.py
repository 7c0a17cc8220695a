"""A Maildir as a sink: durable by groups."""
