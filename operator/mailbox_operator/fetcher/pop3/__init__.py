"""POP3 as a source: a sans-IO reader, pipelined retrieval, a ledger of UIDLs."""
