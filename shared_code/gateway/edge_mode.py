"""How API Management proves that a request came through it."""

from __future__ import annotations

from typing import Literal, get_args

EdgeMode = Literal["off", "header", "easyauth"]
EDGE_MODES: tuple[EdgeMode, ...] = get_args(EdgeMode)
