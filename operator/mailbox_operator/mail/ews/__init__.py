"""Exchange Web Services, by the library; loaded only where a mailbox asks for it."""
