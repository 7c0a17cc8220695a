"""LMTP as a sink: transactions pipelined over a few connections."""
