"""The document as a page to read: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc } code { font-size: .95em }
article { margin: 1.5rem 0; padding: 1rem; border: 1px solid #ddd; border-radius: .4rem }
.method { font-weight: bold; color: #0b5 } table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } article { border-color: #444 } }
"""


def page(document: dict[str, Any]) -> str:
    """The operations, tag by tag."""
    info = document["info"]
    sections = "".join(_section(document, tag["name"]) for tag in document["tags"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        f'<p>Version {escape(info["version"])}. For machines: <a href="openapi.json">OpenAPI</a>, '
        f'<a href="asyncapi.json">AsyncAPI</a>.</p>{sections}</body></html>'
    )


def _section(document: dict[str, Any], tag: str) -> str:
    articles = "".join(
        _article(method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if tag in operation["tags"]
    )
    return f"<section><h2>{escape(tag)}</h2>{articles}</section>"


def _article(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each['required'] else ''}</td><td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation["parameters"]
    )
    return (
        f'<article id="{escape(operation["operationId"])}"><p><span class="method">{method.upper()}</span> '
        f"<code>/api{escape(path)}</code></p><p>{escape(operation['description'])}</p>"
        f"<table>{parameters}</table><p>Answers: {', '.join(operation['responses'])}</p></article>"
    )
