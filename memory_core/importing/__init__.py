"""Conversations from files: plain JSONL, ChatGPT and Claude exports, LoCoMo. Knows no database."""

from memory_core.importing.detection import FORMATS, detect_format
from memory_core.importing.pipeline import ImportReport, import_conversations
from memory_core.importing.reading import read_turns
from memory_core.importing.turns import BadEntry, Format, ImportedTurn, Role

__all__ = [
    "FORMATS",
    "BadEntry",
    "Format",
    "ImportReport",
    "ImportedTurn",
    "Role",
    "detect_format",
    "import_conversations",
    "read_turns",
]
