"""The words that an answer can be."""

from __future__ import annotations

from enum import Enum


class Word(Enum):
    """Only PROVED is a proof."""

    PROVED = "PROVED"
    CHECKED = "CHECKED"  # up to a bound that is printed beside it
    REFUTED = "REFUTED"
    UNKNOWN = "UNKNOWN"
    VACUOUS = "VACUOUS"
    MISMATCH = "MISMATCH"
    UNSUPPORTED = "UNSUPPORTED"
    NOT_APPLICABLE = "NOT APPLICABLE"


WORST_FIRST = (
    Word.REFUTED,
    Word.MISMATCH,
    Word.UNSUPPORTED,
    Word.VACUOUS,
    Word.UNKNOWN,
    Word.CHECKED,
    Word.PROVED,
    Word.NOT_APPLICABLE,
)
