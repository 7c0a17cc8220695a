"""A keep-alive HTTP/1.1 client for one server, and the ordinary library where it does not serve."""
