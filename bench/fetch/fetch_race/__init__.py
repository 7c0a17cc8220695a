"""A race: our fetcher to a webhook against mbsync to a Maildir, from the same Dovecot."""
