"""What happened to records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the audit trail, written in the transaction of the change itself.

    Attributes:
        number: Rises with each event; gaps are normal. Pass the last one seen to read on.
        type: ``stored``, ``updated``, ``deleted`` or ``expired``.
        record_id: The record it is about.
        at: When the change was made.
        data: Facts such as version and tier, never content.
    """

    number: int
    type: str
    record_id: UUID | None
    at: datetime
    data: Mapping[str, Any]
