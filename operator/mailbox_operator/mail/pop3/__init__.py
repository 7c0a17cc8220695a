"""POP3 (RFC 1939): one sign-in for proving and for fetching."""
