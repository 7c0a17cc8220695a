"""IMAP as a source: a sans-IO reader, an asyncio connection, folders, filters, what follows a hand-over."""
