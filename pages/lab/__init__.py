"""The laboratory: its first page, and one page that shows any experiment."""
