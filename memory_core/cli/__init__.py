"""The command line: ``memory-core``. Nothing heavy is imported before a command needs it."""

from memory_core.cli.app import main

__all__ = ["main"]
