"""Exchange Web Services as a source: synchronised folders, notifications."""
