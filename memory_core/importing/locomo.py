"""LoCoMo, the benchmark of very long conversations between two people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from memory_core.importing.times import locomo_instant
from memory_core.importing.turns import BadEntry, EntryError, ImportedTurn, identifier, label, storable

_SESSION = re.compile(r"session_([0-9]{1,6})")


def locomo_turns(sample: dict[str, Any], index: int) -> Iterator[ImportedTurn | BadEntry]:
    """Yield the turns of each session in order; all turns of a session carry the session's time.

    A shared picture is told by its caption, after the words, as ``[picture: …]``. Both people have the role
    ``"other"``. A session whose time cannot be read is left out.
    """
    conversation = sample.get("conversation")
    try:
        sample_id = identifier(sample.get("sample_id"), "the sample_id")
    except EntryError as error:
        yield BadEntry(index, str(error))
        return
    if sample_id is None or not isinstance(conversation, dict):
        yield BadEntry(index, "the sample has no sample_id or no conversation")
        return
    found = [match for key in conversation if (match := _SESSION.fullmatch(key))]
    for name in [match[0] for match in sorted(found, key=lambda match: int(match[1]))]:
        turns = conversation[name]
        try:
            said_at = locomo_instant(conversation.get(f"{name}_date_time"))
            if not isinstance(turns, list):
                raise EntryError("not a list of turns")
        except EntryError as error:
            yield BadEntry(index, f"{name}: {error}")
            continue
        for seq, turn in enumerate(turns):
            try:
                yield _turn(turn, f"{sample_id}/{name}", seq, said_at)
            except EntryError as error:
                yield BadEntry(index, f"{name}, turn {seq}: {error}")


def _turn(turn: Any, session: str, seq: int, said_at: datetime | None) -> ImportedTurn:
    if not isinstance(turn, dict):
        raise EntryError("not a JSON object")
    text, caption = turn.get("text"), turn.get("blip_caption")
    words = [text.strip()] if isinstance(text, str) else []
    if isinstance(caption, str) and caption.strip():
        words.append(f"[picture: {caption.strip()}]")
    said = " ".join(word for word in words if word)
    if not said:
        raise EntryError("there is no text")
    speaker = identifier(turn.get("speaker"), "the speaker")
    if speaker is None:
        raise EntryError("there is no speaker")
    dia_id = label(turn.get("dia_id"))
    return ImportedTurn(storable(said, "the text"), speaker, "other", session, seq, said_at, external_id=dia_id)
