"""From what a server said to a reason and a remedy: rules are data, the matcher is pure."""
