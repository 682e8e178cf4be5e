"""What several test modules use: `from support import ...`."""
