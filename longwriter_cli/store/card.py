"""Whose a dataset card is: the program's, sealed by a digest in its last line, or a user's, which is never replaced.

A card that was sealed and then edited is the user's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

CARD = "README.md"

_SEAL = "<!-- made by longwriter-cli; an edited card is left as it is. {} -->\n"


def sealed(text: str) -> str:
    """The card with its seal; `text` ends with a newline."""
    return text + _SEAL.format(hashlib.sha256(text.encode()).hexdigest()[:16])


def is_sealed(text: str) -> bool:
    """Whether a card is as it was sealed."""
    body, newline, _ = text.removesuffix("\n").rpartition("\n")
    return sealed(body + newline) == text


def is_users(path: Path) -> bool:
    """Whether something stands there that is no sealed card."""
    try:
        return not is_sealed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True
