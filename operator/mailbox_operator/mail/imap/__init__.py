"""IMAP (RFC 3501, RFC 9051): one connection, reader and sign-in for proving and for fetching."""
