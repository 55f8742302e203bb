"""What a Bicep module declares, worked out as the compiler would: for modules of resources, loops and plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_bicep.language()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource that is deployed; its name has its parents' before it."""

    type: str
    name: str
    properties: Mapping[str, Any]


def resources(module: Path, parameters: Mapping[str, Any]) -> list[Resource]:
    """All that a module deploys. Raises AssertionError for what does not parse or is not understood here."""
    tree = _PARSER.parse(module.read_bytes()).root_node
    assert not tree.has_error, f"{module.name} does not parse"
    return list(_Module(module.parent, dict(parameters)).declared(tree))


class _Module:
    def __init__(self, folder: Path, names: dict[str, Any]) -> None:
        self._folder = folder
        self._names = names

    def declared(self, tree: Node) -> Iterator[Resource]:
        for node in tree.named_children:
            if node.type == "parameter_declaration":
                assert _text(node.named_children[0]) in self._names
            elif node.type == "variable_declaration":
                name, value = node.named_children
                self._names[_text(name)] = self._value(value, {})
            elif node.type == "resource_declaration":
                name, kind, body = node.named_children
                made = list(self._resources(self._value(kind, {}), body))
                self._names[_text(name)] = made if body.type == "for_statement" else made[0]
                if all(_text(child) != "existing" for child in node.children):
                    yield from made
            else:
                assert node.type in ("comment", "decorators"), node.type

    def _resources(self, kind: str, body: Node) -> Iterator[Resource]:
        if body.type != "for_statement":
            yield self._resource(kind, self._value(body, {}))
            return
        variable, members, each = body.named_children
        for member in self._value(members, {}):
            yield self._resource(kind, self._value(each, {_text(variable): member}))

    def _resource(self, kind: str, members: dict[str, Any]) -> Resource:
        parent = members.get("parent")
        name = f"{parent.name}/{members['name']}" if parent else members["name"]
        return Resource(type=kind, name=name, properties=members.get("properties", {}))

    def _value(self, node: Node, local: Mapping[str, Any]) -> Any:
        children = [child for child in node.named_children if child.type != "comment"]
        match node.type:
            case "string":
                return "".join(
                    _text(child) if child.type == "string_content" else str(self._value(child.named_children[0], local))
                    for child in children
                )
            case "identifier":
                name = _text(node)
                return local[name] if name in local else self._names[name]
            case "member_expression":
                return self._value(children[0], local)[_text(children[1])]
            case "object":
                return {_text(each.named_children[0]): self._value(each.named_children[1], local) for each in children}
            case "array":
                return [self._value(child, local) for child in children]
            case "call_expression":
                function, (argument,) = _text(children[0]), children[1].named_children
                value = self._value(argument, local)
                assert function in ("any", "loadJsonContent"), function
                return value if function == "any" else json.loads((self._folder / value).read_text())
        raise AssertionError(f"not understood: {node.type}")


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()
