"""``python -m memory_core`` is ``memory-core``."""

from memory_core.cli import main

main()
