"""Routes of HTTP functions: ASP.NET Core's templates, the most specific route first.

Azure itself tries routes in the order of the functions' names, whatever their templates
(github.com/Azure/azure-functions-host/issues/9876). Where that would choose otherwise, `shadowed` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.indexing import Function, Refused

Constraint = Callable[[str], bool]
SAMPLES = ("1", "a", "true", "1.5", "00000000-0000-0000-0000-000000000000", "2030-01-31", "a" * 20, "1" * 9)
PARAMETER = re.compile(r"\{(?P<all>\*{0,2})(?P<name>\w+)(?P<constraints>(?::[^:{}=?]+)*)(?P<optional>\?)?\}")
LARGE = 2**63
PATTERNS = {
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?\d+(\.\d+)?",
    "double": r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?",
    "float": r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?",
    "bool": "(?i:true|false)",
    "alpha": "[A-Za-z]+",
    "guid": "(?i:[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12})",
    "datetime": r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?.*)?",
    "required": ".+",
}


@dataclass(frozen=True)
class Route:
    """One function's route, compiled."""

    function: Function
    template: str
    pattern: re.Pattern[str]
    parameters: Sequence[tuple[str, Sequence[Constraint]]]
    methods: frozenset[str]
    precedence: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route's values, or None where the path (no leading slash, %2F alone still escaped) is another's."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = {}
        for (name, constraints), value in zip(self.parameters, found.groups(), strict=True):
            if value and not all(holds(value) for holds in constraints):
                return None
            if value:
                values[name] = value
        return values

    def sample(self) -> str:
        """A path of this route, empty where none comes to mind."""
        values = iter(self.parameters)

        def value(_: re.Match[str]) -> str:
            constraints = next(values)[1]
            return next((sample for sample in SAMPLES if all(holds(sample) for holds in constraints)), "")

        path = PARAMETER.sub(value, self.template)
        return path if self.match(path) is not None else ""

    def accepts(self, method: str) -> bool:
        """Whether the function declared the method, or none at all."""
        return not self.methods or method in self.methods


def compile_route(function: Function, prefix: str) -> Route:
    """Read a function's route; without one it is the function's name. Raises Refused for a template it cannot read."""
    template = (function.trigger.get("route") or function.name).strip("/")
    full = f"{prefix}/{template}" if prefix else template
    pattern, parameters, precedence = "", [], []
    for index, segment in enumerate(full.split("/")):
        text, found = "", list(PARAMETER.finditer(segment))
        end = 0
        for parameter in found:
            constraints = [_constraint(function, each) for each in parameter["constraints"].split(":")[1:]]
            parameters.append((parameter["name"], constraints))
            text += re.escape(segment[end : parameter.start()]) + ("(.*)" if parameter["all"] else "([^/]+?)")
            end = parameter.end()
        text += re.escape(segment[end:])
        if {"{", "}"} & set(PARAMETER.sub("", segment)):
            raise Refused(f"Function '{function.name}': the route '{template}' cannot be read at '{segment}'")
        slash = "/" if index else ""
        whole = found[0] if found and found[0].span() == (0, len(segment)) else None
        optional = whole is not None and (whole["all"] or whole["optional"])
        pattern += f"(?:{slash}{text})?" if optional else slash + text
        precedence.append(_digit(whole, bool(found)))
    methods = frozenset(method.upper() for method in function.trigger.get("methods") or ())
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return Route(function, full, compiled, parameters, methods, tuple(precedence))


def _digit(whole: re.Match[str] | None, parameters: bool) -> int:
    """ASP.NET Core's RoutePrecedence: literal 1, constrained or mixed 2, parameter 3, catch-all 4 or 5."""
    if whole is None:
        return 2 if parameters else 1
    return (5 if whole["all"] else 3) - bool(whole["constraints"])


def _constraint(function: Function, text: str) -> Constraint:
    kind, _, given = text.partition("(")
    arguments = given.removesuffix(")")
    if kind in PATTERNS and not given:
        pattern = re.compile(PATTERNS[kind])
        return lambda value: pattern.fullmatch(value) is not None
    if kind == "regex":
        searched = re.compile(arguments, re.IGNORECASE)
        return lambda value: searched.search(value) is not None
    numbers = [int(number) for number in re.findall(r"-?\d+", arguments)] or [0]
    bounds = {"min": (numbers[0], LARGE), "max": (-LARGE, numbers[0]), "range": (numbers[0], numbers[-1])}
    lengths = {"minlength": (numbers[0], LARGE), "maxlength": (0, numbers[0]), "length": (numbers[0], numbers[-1])}
    if kind in bounds:
        lowest, highest = bounds[kind]
        return lambda value: re.fullmatch(r"[+-]?\d{1,19}", value) is not None and lowest <= int(value) <= highest
    if kind in lengths:
        shortest, longest = lengths[kind]
        return lambda value: shortest <= len(value) <= longest
    raise Refused(f"Function '{function.name}': the local host does not know the route constraint '{text}'")


class Routes:
    """All routes of the app."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        compiled = [compile_route(function, prefix) for function in functions if function.kind == "httpTrigger"]
        self.all = sorted(compiled, key=lambda route: route.precedence)

    def find(self, method: str, raw_path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for a request, with its route values.

        A method is part of the match, as in Azure: one that no route takes is a 404
        (github.com/Azure/azure-functions-host/issues/10098), and a less specific route may take it.
        """
        path = unquote(re.sub("%(?=2[fF])", "%25", raw_path)).strip("/")
        for route in self.all:
            if route.accepts(method) and (values := route.match(path)) is not None:
                return route.function, values
        return None

    def shadowed(self) -> list[str]:
        """One line for each route that another would keep requests from in Azure, where names decide."""
        lines = []
        for index, route in enumerate(self.all):
            path = route.sample()
            for other in self.all[index + 1 :]:
                shared = not route.methods or not other.methods or route.methods & other.methods
                first = other.function.name.lower() < route.function.name.lower()
                if shared and first and path and other.match(path) is not None:
                    lines.append(
                        f"In Azure '{other.function.name}' ({other.template}) takes the requests of "
                        f"'{route.function.name}' ({route.template}): routes are tried in the order of function names"
                    )
        return lines
