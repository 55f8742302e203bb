"""`/api/v1/progress`: what a learner has practised."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Score, Tone
from shared_code.domain.learning.analysis import Confusion, ToneStanding, Trend
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.services.progress import ProgressService


class ItemView(Struct, frozen=True, kw_only=True):
    """One syllable of one hanzi; null where it was never known."""

    hanzi: str
    pinyin: str
    tone: Tone
    attempts: int
    errors: int
    last_score: Score | None
    due: str | None


class ProgressView(Struct, frozen=True, kw_only=True):
    """A learner's progress after `progress_version` attempts."""

    progress_version: int
    attempts: int
    accuracy: Trend
    tone: Trend
    tones: tuple[ToneStanding, ...]
    confusions: tuple[Confusion, ...]
    weakest_tones: tuple[Tone, ...]
    items: tuple[ItemView, ...]
    perfect_tones: Annotated[tuple[Tone, ...], Meta(max_length=5)]


def progress_service(progress: ProgressService) -> InProcessService:
    """The service and its routes."""

    async def mine(request: Request) -> Response:
        return Response(200, await progress.view(request.caller.pseudonym))

    return InProcessService(
        "progress", [ServiceRoute("GET", "me", mine, summary="What I have practised", answer=ProgressView)]
    )
