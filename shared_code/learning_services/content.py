"""`/api/v1/content`: words and lessons, found and read by learners, written by authors."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.events.content import ContentKind
from shared_code.gateway.access import Access
from shared_code.gateway.body import decode_json
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.query import decode_query
from shared_code.learning_services.reading import Limit, etag, expected_version, named
from shared_code.services.content.item import Body, Item
from shared_code.services.content.service import ContentService, ItemPage

READERS = Access(roles=frozenset({"learner", "teacher", "operator"}), scopes=frozenset({"content.read"}))
AUTHORS = Access(roles=frozenset({"operator"}), scopes=frozenset({"content.write"}), platform=True)


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to find."""

    q: Annotated[str, Meta(max_length=100, description="Hanzi, pinyin with or without marks, or English.")] = ""
    kind: Annotated[ContentKind | None, Meta(description="One kind of content.")] = None
    hsk: Annotated[int, Meta(ge=0, le=9, description="One HSK level; 0 is any.")] = 0
    after: Annotated[str, Meta(max_length=64, description="The answer's 'after', for the next page.")] = ""
    limit: Limit = 20


def content_service(content: ContentService) -> InProcessService:
    """The service and its routes."""

    async def find(request: Request) -> Response:
        query = decode_query(request, Search)
        page = await content.find(
            words=query.q, kind=query.kind, hsk=query.hsk, after=query.after, limit=query.limit
        )  # fmt: skip
        return Response(200, page)

    async def get(request: Request) -> Response:
        item = await content.get(named(request, "item_id"))
        return Response(200, item, etag(item.version))

    async def put(request: Request) -> Response:
        item, new = await content.put(
            request.caller,
            request.correlation_id,
            named(request, "item_id"),
            decode_json(request, Body),
            expected=expected_version(request),
        )
        return Response(201 if new else 200, item, etag(item.version))

    async def withdraw(request: Request) -> Response:
        await content.withdraw(request.caller, request.correlation_id, named(request, "item_id"))
        return Response(204)

    return InProcessService(
        "content",
        [
            ServiceRoute("GET", "items", find, READERS, "Find words and lessons", answer=ItemPage, query=Search),
            ServiceRoute("GET", "items/{item_id}", get, READERS, "Read an item", answer=Item, headers=("ETag",)),
            ServiceRoute(
                "PUT",
                "items/{item_id}",
                put,
                AUTHORS,
                "Publish or revise an item",
                answer=Item,
                body=Body,
                statuses=(200, 201),
                headers=("ETag",),
            ),
            ServiceRoute(
                "DELETE",
                "items/{item_id}",
                withdraw,
                AUTHORS,
                "Withdraw an item",
                answer=None,
                statuses=(204,),
                failures=(409,),
            ),
        ],
    )
