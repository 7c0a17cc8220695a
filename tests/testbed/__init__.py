"""Private mail servers for tests: a PKI with good and bad certificates, Dovecot, Postfix. Nothing below /etc is touched."""
