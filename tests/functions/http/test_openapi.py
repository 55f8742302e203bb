"""The API's description: every route is in it, nothing else, and validators agree with it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.http.documented import OPERATIONS
from shared_code.gateway.http import Request, Response
from shared_code.gateway.inprocess import InProcessService, ServiceRoute
from shared_code.gateway.openapi.document import openapi
from shared_code.gateway.openapi.page import page
from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.unknown import UNKNOWN


class MyProgress(msgspec.Struct):
    learned: int


async def my_progress(_: Request) -> Response:
    return Response(200, MyProgress(3))


SERVICE = InProcessService("progress", [ServiceRoute("GET", "me", my_progress, answer=MyProgress)])


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    described = [(route, OPERATIONS[route.name]) for route in ROUTES if route not in UNKNOWN]
    made: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(openapi([*described, *SERVICE.documented()], version="1"))
    )
    return made


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_is_in_it_and_nothing_else(document: dict[str, Any]) -> None:
    described = {f"{method.upper()} /api{path}" for path, item in document["paths"].items() for method in item}
    table = {route.template.replace("{*", "{") for route in ROUTES if route not in UNKNOWN}
    assert described == table | {"GET /api/v1/progress/me"}
    assert set(OPERATIONS) == {route.name for route in ROUTES if route not in UNKNOWN}


def test_it_asks_for_a_token_where_the_table_does(document: dict[str, Any]) -> None:
    operations = {each["operationId"]: each for item in document["paths"].values() for each in item.values()}
    for route in ROUTES:
        if route not in UNKNOWN:
            assert (operations[route.name]["security"] == [{}]) == route.access.public
            assert ("401" in operations[route.name]["responses"]) != route.access.public
            assert (
                operations[route.name]["requestBody"]["content"].keys() == set(route.consumes)
                if "requestBody" in operations[route.name]
                else not route.consumes or route.method == "GET"
            )


def test_every_failure_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, response in document["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], name
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                assert (int(status) >= 400) == ("$ref" in response), (operation["operationId"], status)


def test_the_page_names_every_path(document: dict[str, Any]) -> None:
    text = page(document)
    for path in document["paths"]:
        assert f"<code>/api{path}</code>" in text
    assert "<script" not in text


def test_every_link_of_the_page_leads_to_a_place_on_it(document: dict[str, Any]) -> None:
    text = page(document)
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert {"tag-ops", "tag-models", "model-NewReplay"} <= links
    assert links <= set(re.findall(r'id="([^"]+)"', text))


def test_the_page_says_what_a_body_may_have(document: dict[str, Any]) -> None:
    model = page(document).partition('id="model-NewReplay"')[2].partition("</article>")[0]
    members = document["components"]["schemas"]["NewReplay"]["properties"]
    assert [member for member in members if f"<code>{member}</code>" not in model] == []
