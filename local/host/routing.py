"""Routes of HTTP functions: ASP.NET Core's templates, the most specific route first.

Azure itself tries routes in the order of the functions' names, whatever their templates
(github.com/Azure/azure-functions-host/issues/9876): name functions so that both orders agree.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from local.host.indexing import Function, Refused

PARAMETER = re.compile(
    r"\{(?P<all>\*{0,2})(?P<name>[^\W\d]\w*)(:(?P<kind>\w+)(?P<sizes>\([\d,]+\))?)?(?P<optional>\?)?\}"
)
FLOATING = r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
CONSTRAINTS = {  # learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?\d+(\.\d+)?",
    "double": FLOATING,
    "float": FLOATING,
    "bool": "true|false",
    "alpha": "[a-z]+",
    "guid": "[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "length()": "[^/]{SIZES}",
    "minlength()": "[^/]{SIZES,}",
    "maxlength()": "[^/]{1,SIZES}",
}
Route = tuple[tuple[int, ...], re.Pattern[str], frozenset[str], Function]  # precedence, pattern, methods


def route(function: Function, prefix: str) -> Route:
    """Read a function's route. Raises Refused for a template it cannot read."""
    template = f"{prefix}/{function.route}".strip("/")
    try:
        patterns, precedence = zip(*(_segment(each) for each in template.split("/")), strict=True)
    except LookupError as error:
        raise Refused(f"Function '{function.name}': the route '{template}' cannot be read at {error}") from None
    whole = re.compile("".join(patterns), re.IGNORECASE | re.DOTALL)
    methods = frozenset(method.upper() for method in function.trigger.get("methods") or ())
    return precedence, whole, methods, function


def _segment(text: str) -> tuple[str, int]:
    """What a segment of a path must look like, and how precise that is. Raises LookupError for a text it cannot read.

    ASP.NET Core's RoutePrecedence: literal 1, constrained or mixed 2, parameter 3, catch-all 4 or 5.
    """
    pattern, end, found = "/", 0, list(PARAMETER.finditer(text))
    for each in found:
        value = ".*" if each["all"] else "[^/]+?"
        if each["kind"]:
            sizes = (each["sizes"] or "").strip("()")
            value = CONSTRAINTS[each["kind"] + ("()" if sizes else "")].replace("SIZES", sizes)
        pattern += f"{re.escape(text[end : each.start()])}(?P<{each['name']}>{value})"
        end = each.end()
    pattern += re.escape(text[end:])
    if {"{", "}"} & set(PARAMETER.sub("", text)):
        raise LookupError(text)
    if not found or found[0][0] != text:
        return pattern, 2 if found else 1
    whole = found[0]
    optional = whole["all"] or whole["optional"]
    return f"({pattern})?" if optional else pattern, (5 if whole["all"] else 3) - bool(whole["kind"])


class Routes:
    """All routes of the app."""

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        """Raises Refused."""
        self._routes = sorted((route(each, prefix) for each in functions), key=lambda each: each[0])

    def find(self, method: str, raw_path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for a request, with its route values; %2F alone stays escaped in them.

        A method is part of the match, as in Azure: one that no route takes is a 404
        (github.com/Azure/azure-functions-host/issues/10098), and a less specific route may take it.
        """
        path = "/" + unquote(re.sub("%(?=2[fF])", "%25", raw_path)).strip("/")
        for _, pattern, methods, function in self._routes:
            found = pattern.fullmatch(path)
            if found and (not methods or method in methods):
                return function, {name: value for name, value in found.groupdict().items() if value}
        return None
