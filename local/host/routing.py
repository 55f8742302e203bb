"""Routes of HTTP functions: ASP.NET Core's templates, the most specific route first.

Azure itself tries routes in the order of the functions' names, whatever their templates
(github.com/Azure/azure-functions-host/issues/9876). Where that would choose otherwise, `shadowed` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.indexing import Function, Refused

Constraint = Callable[[str], bool]
PARAMETER = re.compile(r"\{(?P<all>\*{0,2})(?P<name>[^\W\d]\w*)(?P<constraints>(?::[^:{}=?]+)*)(?P<optional>\?)?\}")
FLOATING = r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
PATTERNS = {  # learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?\d+(\.\d+)?",
    "double": FLOATING,
    "float": FLOATING,
    "bool": "(?i:true|false)",
    "alpha": "[A-Za-z]+",
    "guid": "(?i:[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12})",
    "datetime": r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?.*)?",
    "required": ".+",
}
LARGE = 2**63
BOUNDS: Mapping[str, Callable[[list[int]], tuple[int, int]]] = {  # least and most, of a number or of a length
    "min": lambda given: (given[0], LARGE),
    "max": lambda given: (-LARGE, given[0]),
    "range": lambda given: (given[0], given[1]),
    "minlength": lambda given: (given[0], LARGE),
    "maxlength": lambda given: (0, given[0]),
    "length": lambda given: (given[0], given[-1]),
}


@dataclass(frozen=True)
class Route:
    """One function's route, compiled."""

    function: Function
    template: str
    pattern: re.Pattern[str]
    constraints: Mapping[str, Sequence[Constraint]]
    methods: frozenset[str]
    precedence: tuple[int, ...]

    def match(self, path: str, *, method: str) -> dict[str, str] | None:
        """The route's values, or None where the request (no leading slash, %2F alone still escaped) is another's."""
        found = self.pattern.fullmatch(path)
        if found is None or (self.methods and method not in self.methods):
            return None
        values = {name: value for name, value in found.groupdict().items() if value}
        return values if all(holds(values[name]) for name in values for holds in self.constraints[name]) else None


def compile_route(function: Function, prefix: str) -> Route:
    """Read a function's route; without one it is the function's name. Raises Refused for a template it cannot read."""
    template = "/".join(filter(None, (prefix, (function.trigger.get("route") or function.name).strip("/"))))
    pattern, constraints, precedence = "", {}, []
    for index, segment in enumerate(template.split("/")):
        text, end, found = "", 0, list(PARAMETER.finditer(segment))
        for each in found:
            constraints[each["name"]] = [_constraint(function, one) for one in each["constraints"].split(":")[1:]]
            value = ".*" if each["all"] else "[^/]+?"
            text += f"{re.escape(segment[end : each.start()])}(?P<{each['name']}>{value})"
            end = each.end()
        text += re.escape(segment[end:])
        if {"{", "}"} & set(PARAMETER.sub("", segment)):
            raise Refused(f"Function '{function.name}': the route '{template}' cannot be read at '{segment}'")
        slash = "/" if index else ""
        whole = found[0] if found and found[0].span() == (0, len(segment)) else None
        pattern += f"(?:{slash}{text})?" if whole and (whole["all"] or whole["optional"]) else slash + text
        # ASP.NET Core's RoutePrecedence: literal 1, constrained or mixed 2, parameter 3, catch-all 4 or 5.
        digit = (5 if whole["all"] else 3) - bool(whole["constraints"]) if whole else 2 if found else 1
        precedence.append(digit)
    methods = frozenset(method.upper() for method in function.trigger.get("methods") or ())
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
    return Route(function, template, compiled, constraints, methods, tuple(precedence))


def _constraint(function: Function, text: str) -> Constraint:
    kind, _, arguments = text.removesuffix(")").partition("(")
    if text in PATTERNS:
        whole = re.compile(PATTERNS[text])
        return lambda value: whole.fullmatch(value) is not None
    if kind == "regex":
        part = re.compile(arguments, re.IGNORECASE)
        return lambda value: part.search(value) is not None
    try:
        least, most = BOUNDS[kind]([int(number) for number in arguments.split(",")])
    except (LookupError, ValueError):
        raise Refused(
            f"Function '{function.name}': the local host does not know the route constraint '{text}'"
        ) from None
    if kind.endswith("length"):
        return lambda value: least <= len(value) <= most
    return lambda value: re.fullmatch(r"[+-]?\d{1,19}", value) is not None and least <= int(value) <= most


class Routes:
    """All routes of the app."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        compiled = [compile_route(function, prefix) for function in functions if function.kind == "httpTrigger"]
        self._all = sorted(compiled, key=lambda route: route.precedence)

    def find(self, method: str, raw_path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for a request, with its route values.

        A method is part of the match, as in Azure: one that no route takes is a 404
        (github.com/Azure/azure-functions-host/issues/10098), and a less specific route may take it.
        """
        path = unquote(re.sub("%(?=2[fF])", "%25", raw_path)).strip("/")
        for route in self._all:
            if (values := route.match(path, method=method)) is not None:
                return route.function, values
        return None

    def shadowed(self) -> list[str]:
        """One line for each route that another would keep requests from in Azure, where names decide."""
        return [
            f"In Azure '{other.function.name}' ({other.template}) takes the requests of "
            f"'{route.function.name}' ({route.template}): routes are tried in the order of function names"
            for index, route in enumerate(self._all)
            for other in self._all[index + 1 :]
            if other.function.name.lower() < route.function.name.lower()
            # Its own template is a path of the route that every unconstrained parameter of the other one takes.
            and any(other.match(route.template, method=method) is not None for method in route.methods or ("GET",))
        ]
