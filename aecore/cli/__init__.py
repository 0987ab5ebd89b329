"""The command line."""

from aecore.cli.commands import main

__all__ = ["main"]
