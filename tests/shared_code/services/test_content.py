"""Content is found by any spelling, edited under versions, and every edit is told exactly once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared_code.domain.clock import utc_now
from shared_code.domain.errors import AppError, Conflict, Invalid, NotFound, Unavailable
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.principal import Principal
from shared_code.events.journal import Journal
from shared_code.services.announced import Announced
from shared_code.services.content.builtin import builtin
from shared_code.services.content.item import Body, Item
from shared_code.services.content.service import ContentService
from shared_code.services.people import People
from tests.shared_code.events.backbone import KEY, Backbone, backbone_on, stream_of

AUTHOR = Principal(id="anna", tenant="sayzhong", pseudonym=stream_of("sayzhong", "anna"))
GREETING = Body(kind="dialogue", hanzi="你好！", meaning="Hello!")


class Authoring:
    """The content service over a table of its own; `facts` is what the item's stream holds."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.table = backbone.tables.table(f"content{uuid.uuid4().hex[:12]}")
        self.content = self.service(backbone.journal)
        self.item_id = f"greeting-{uuid.uuid4().hex[:12]}"  # streams are shared by all tests

    def service(self, journal: Journal) -> ContentService:
        return ContentService(Announced(self.table, "items", Item, journal, People(KEY)), utc_now)

    async def put(self, body: Body, expected: int | None = None) -> tuple[Item, bool]:
        return await self.content.put(AUTHOR, str(uuid.uuid4()), self.item_id, body, expected=expected)

    async def facts(self) -> list[tuple[int, str]]:
        stream = stream_of("sayzhong", self.item_id)
        return [
            (each.event.data["version"], each.event.data["change"]) async for each in self.backbone.store.read(stream)
        ]


@pytest.fixture
async def authoring(azurite: str, servicebus: str) -> AsyncIterator[Authoring]:
    async with backbone_on(azurite, servicebus) as backbone:
        yield Authoring(backbone)


async def found(content: ContentService, words: str = "", **changes: Any) -> list[str]:
    asked = {"words": words, "kind": None, "hsk": 0, "after": "", "limit": 100, **changes}
    return [item.hanzi for item in (await content.find(**asked)).items]


def test_the_built_in_words_are_those_of_hsk_1_each_with_its_reading() -> None:
    words = [item for item in builtin().values() if item.kind == "vocabulary"]
    assert len({item.hanzi for item in words}) == len(words) == 150
    assert all(item.syllables for item in builtin().values())
    lessons = [item for item in builtin().values() if item.kind == "lesson"]
    assert {part for lesson in lessons for part in lesson.parts} == {item.item_id for item in words}


@pytest.mark.parametrize(
    ("words", "hanzi"),
    [
        ("朋友", "朋友"),
        ("péngyou", "朋友"),
        ("peng you", "朋友"),
        ("Friend", "朋友"),
        ("nüer", "女儿"),
        ("nuer", "女儿"),
    ],
)
async def test_a_word_is_found_by_hanzi_pinyin_or_english(authoring: Authoring, words: str, hanzi: str) -> None:
    assert hanzi in await found(authoring.content, words)


async def test_pages_follow_each_other_without_a_gap(authoring: Authoring) -> None:
    whole = [item for item in sorted(builtin()) if item.startswith("hsk1-0")]
    paged: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await authoring.content.find(words="", kind=None, hsk=1, after=after, limit=40)
        paged += [item.item_id for item in page.items]
        after = page.after
    assert [item for item in paged if item.startswith("hsk1-0")] == whole
    assert len(paged) == len(builtin())


async def test_an_item_is_published_revised_and_withdrawn_and_each_is_told(authoring: Authoring) -> None:
    item, new = await authoring.put(GREETING)
    assert (item.version, new, [each.pinyin_surface for each in item.syllables]) == (1, True, ["ní", "hǎo"])
    again, new = await authoring.put(GREETING)
    assert (again.version, new) == (1, False)
    revised, new = await authoring.put(Body(kind="dialogue", hanzi="你们好！", meaning="Hello, all!"))
    assert (revised.version, new) == (2, False)
    await authoring.content.withdraw(AUTHOR, str(uuid.uuid4()), authoring.item_id)
    with pytest.raises(NotFound):
        await authoring.content.get(authoring.item_id)
    assert "你们好！" not in await found(authoring.content)
    back, new = await authoring.put(GREETING)
    assert (back.version, new) == (4, True)
    assert await authoring.facts() == [(1, "published"), (2, "revised"), (3, "withdrawn"), (4, "published")]


async def test_what_is_built_in_can_be_revised(authoring: Authoring) -> None:
    body = Body(kind="vocabulary", hanzi="你", meaning="you (one person)", hsk_level=1)
    item, new = await authoring.content.put(AUTHOR, str(uuid.uuid4()), "hsk1-01-01", body, expected=1)
    assert (item.version, new) == (2, False)
    assert (await authoring.content.get("hsk1-01-01")).meaning == "you (one person)"


async def test_of_many_authors_at_once_one_wins_and_the_others_are_told_where_it_stands(authoring: Authoring) -> None:
    bodies = [Body(kind="dialogue", hanzi="你好", meaning=f"Hello {number}") for number in range(8)]
    outcomes = await asyncio.gather(*(authoring.put(body, expected=0) for body in bodies), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 1
    assert all(isinstance(each, Conflict) for each in outcomes if isinstance(each, BaseException))
    assert await authoring.facts() == [(1, "published")]
    with pytest.raises(Conflict) as refusal:
        await authoring.put(GREETING, expected=0)
    assert refusal.value.extra == {"current_version": 1}


@pytest.mark.parametrize(
    "body",
    [
        Body(kind="story", hanzi="Hello", meaning="no hanzi"),
        Body(kind="lesson", hanzi="你好", meaning="a lesson", parts=("hsk1-01-01", "nowhere")),
    ],
)
async def test_what_cannot_be_read_or_is_made_of_nothing_is_refused(authoring: Authoring, body: Body) -> None:
    with pytest.raises(Invalid):
        await authoring.put(body)
    assert await authoring.facts() == []


async def test_an_edit_that_a_crash_left_untold_is_told_by_the_next_reader(authoring: Authoring) -> None:
    """The process ends between keeping the item and telling of it: here the journal fails just there."""

    class Crashed(Journal):
        def __init__(self) -> None:
            pass

        async def record(self, *_given: Any, **_options: Any) -> Any:
            raise Unavailable("the process is gone")

    with pytest.raises(AppError):
        await authoring.service(Crashed()).put(AUTHOR, "c", authoring.item_id, GREETING, expected=None)
    assert await authoring.facts() == []
    for _ in range(2):
        assert (await authoring.content.get(authoring.item_id)).version == 1
    assert await authoring.facts() == [(1, "published")]
    row = await authoring.table.get("items", authoring.item_id)
    assert row is not None
    assert row.values["untold"] == b""


async def test_an_event_of_an_edit_is_the_items_and_names_what_changed(authoring: Authoring) -> None:
    await authoring.put(GREETING)
    await authoring.put(Body(kind="dialogue", hanzi="你好！", meaning="Hi!", hsk_level=1))
    events: list[CloudEvent] = [
        each.event async for each in authoring.backbone.store.read(stream_of("sayzhong", authoring.item_id))
    ]
    assert events[1].subject == authoring.item_id
    assert events[1].data["changed"] == ["meaning", "hsk_level"]
