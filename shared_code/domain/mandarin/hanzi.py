"""Which characters are hanzi."""

from __future__ import annotations

import re

_CHARACTERS = (
    "〇"
    "\u3400-\u4dbf"  # extension A
    "\u4e00-\u9fff"
    "\uf900-\ufaff"  # compatibility ideographs
    "\U00020000-\U000323af"  # extensions B to H, compatibility supplement
)
HANZI = re.compile(f"[{_CHARACTERS}]+")
"""One or more Chinese characters (Unicode 15.1: unified and compatibility ideographs, and 〇)."""
