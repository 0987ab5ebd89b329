"""A run as a file with its card, as a recording, and in the store."""
