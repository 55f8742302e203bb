"""The document as a page to read: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from shared_code.gateway.openapi.models import kind, model

CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc } code { font-size: .95em } nav a { margin-right: .8rem }
article { margin: 1rem 0; padding: .2rem 1rem; border: 1px solid #ddd; border-radius: .4rem; overflow-wrap: anywhere }
.method { font-weight: bold; color: #0b5 } .less { color: #777; font-size: .9em }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: baseline }
:target { border-color: #0b5 }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd } article { border-color: #444 } a { color: #8bf }
}
"""


def page(document: dict[str, Any]) -> str:
    """The operations, tag by tag, and then the models that they take and answer."""
    info, models = document["info"], document["components"]["schemas"]
    tags = [tag["name"] for tag in document["tags"]]
    links = "".join(f'<a href="#tag-{escape(tag)}">{escape(tag)}</a> ' for tag in [*tags, "models"])
    sections = "".join(_section(document, tag) for tag in tags)
    described = "".join(model(name, schema) for name, schema in sorted(models.items()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        f'<p>Version {escape(info["version"])}. For machines: <a href="openapi.json">OpenAPI</a>, '
        f'<a href="asyncapi.json">AsyncAPI</a>. Failures are problem documents (RFC 9457).</p><nav>{links}</nav>'
        f'{sections}<section id="tag-models"><h2>models</h2>{described}</section></body></html>'
    )


def _section(document: dict[str, Any], tag: str) -> str:
    articles = "".join(
        _article(method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if tag in operation["tags"]
    )
    return f'<section id="tag-{escape(tag)}"><h2>{escape(tag)}</h2>{articles}</section>'


def _article(method: str, path: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each['required'] else ''}</td><td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation["parameters"]
    )
    table = f"<table>{parameters}</table>" if parameters else ""
    bodies = "".join(
        f"<p>Takes <code>{escape(content_type)}</code>: {kind(body['schema'])}</p>"
        for content_type, body in operation.get("requestBody", {}).get("content", {}).items()
    )
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    answers = "; ".join(f"{status} {_content(answer)}".strip() for status, answer in good.items())
    failures = ", ".join(status for status in operation["responses"] if status not in good)
    return (
        f'<article id="{escape(operation["operationId"])}"><p><span class="method">{method.upper()}</span> '
        f"<code>/api{escape(path)}</code></p><p>{escape(operation['description'])}</p>"
        f'{table}{bodies}<p>Answers {answers} <span class="less">or fails: {failures}</span></p></article>'
    )


def _content(answer: dict[str, Any]) -> str:
    return " or ".join(kind(content["schema"]) for content in answer.get("content", {}).values())
