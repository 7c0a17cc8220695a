"""What is remembered between runs, and where: ledgers, windows, stores."""
