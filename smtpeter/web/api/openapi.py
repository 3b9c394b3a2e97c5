"""The OpenAPI 3.1 document, made of the table of calls and their types, and the same for people to read."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import msgspec

from smtpeter import __version__
from smtpeter.web.api.problem import Answered
from smtpeter.web.api.route import JSON, Route

_REF = "#/components/schemas/{name}"
_FORMS = " A form says the same, as `recipients[]=a@example.com&dsn[notify]=NEVER`."
_PROBLEMS = {
    "400": "The request is not as described here.",
    "401": "No access token, or one that is not valid.",
    "403": "This token, or its login, may not do that.",
    "404": "There is no such thing.",
    "405": "This path has other methods.",
    "409": "It exists already, or is being worked on.",
    "410": "It is no longer kept.",
    "413": "It is too large.",
    "415": "The body is of another type.",
    "422": "The request is as described here, and cannot be done.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "Temporary trouble of this server; Retry-After says when to come back.",
}
_INTRODUCTION = """Send mail and learn what became of it.

Bring an access token as `Authorization: Bearer TOKEN`, or as the parameter `access_token`. Answers with 200 or 201 are
kept safely. Mistakes are answered as `{"error": {"message": …, "field": …}}`. 503 and 429 come with Retry-After.
"""
_PLACES = {
    "id": {"type": "string", "pattern": "^[a-z2-7]{13}$"},
    "number": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "format": {"type": "string", "enum": ["header", "json", "xml"]},
}


def document(routes: Iterable[Route], url: str) -> dict[str, Any]:
    """The document, as JSON values; `url` is what the paths count from."""
    routes = tuple(routes)
    schemas, components = msgspec.json.schema_components(_types(routes), ref_template=_REF)
    by_type = dict(zip(map(str, _types(routes)), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = route.path.replace("*}", "}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "smtpeter", "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": url}],
        "security": [{"bearer": []}, {"access_token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "access_token": {"type": "apiKey", "in": "query", "name": "access_token"},
            },
            "responses": {
                code: {"description": text, "content": {JSON: {"schema": by_type[str(Answered)]}}}
                for code, text in _PROBLEMS.items()
            },
        },
    }


def _types(routes: tuple[Route, ...]) -> list[Any]:
    named = [
        one for route in routes for one in (route.takes, route.gives) if one and not isinstance(one, str)
    ]
    return list({str(one): one for one in [*named, Answered]}.values())


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    scope = f" Needs the scope `{route.scope}`." if route.scope else ""
    operation: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.summary,
        "description": route.summary + scope,
        "tags": [route.tag],
        "parameters": [*_places(route), *_parameters(route), *_headers(route)],
        "responses": {
            str(route.status): _success(route, schemas),
            **{code: {"$ref": f"#/components/responses/{code}"} for code in _PROBLEMS},
        },
    }
    if route.takes is not None:
        schema = schemas[str(route.takes)]
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
        if route.forms:  # whose brackets OpenAPI has no words for
            operation["description"] += _FORMS
    return operation


def _name(route: Route) -> str:
    words = route.path.translate(str.maketrans("/{}*", "    ")).split()
    return "_".join([route.method.lower(), *words])


def _success(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if route.gives is None:
        return {"description": "Done."}
    if isinstance(route.gives, str):
        # Texts and files come in their own types.
        return {"description": "As it is.", "content": {"*/*": {"schema": {}}}}
    return {"description": "Done.", "content": {JSON: {"schema": schemas[str(route.gives)]}}}


def _places(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PLACES.get(name, {"type": "string", "minLength": 1}),
        }
        for name in route.places
    ]


def _parameters(route: Route) -> list[dict[str, Any]]:
    """The fields of the query's type."""
    (schema,), components = msgspec.json.schema_components([route.query], ref_template=_REF)
    del schema
    properties = components[route.query.__name__].get("properties", {})
    described = []
    for name, one in properties.items():
        plain = _resolved(one, components)
        described.append(
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": plain,
                "description": one.get("description", plain.get("description", "")),
            }
        )
    return described


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema in one place."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found


def _headers(route: Route) -> list[dict[str, Any]]:
    pattern = "^[!-~]([ -~]{0,253}[!-~])?$"
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": text,
            "schema": {"type": "string", "pattern": pattern},
        }
        for name, text in route.headers
    ]


_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
code,pre{font:14px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}h2{margin-top:2.5rem}section{border-top:1px solid #ccc;padding:.5rem 0}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
@media (prefers-color-scheme:dark){body{background:#181818;color:#ddd}a{color:#8bf}}"""


def page(described: dict[str, Any]) -> str:
    """The document as one page of HTML, without a script."""
    schemas = described["components"]["schemas"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_section(method, path, operation))
    introduction = "".join(f"<p>{_e(text)}</p>" for text in _INTRODUCTION.split("\n\n"))
    body = "".join(f"<h2>{_e(tag)}</h2>{''.join(sections)}" for tag, sections in by_tag.items())
    types = "".join(_type(name, schema) for name, schema in schemas.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>smtpeter: the API</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>smtpeter: the API</h1>{introduction}"
        f"<p>Paths count from <code>{_e(described['servers'][0]['url'])}</code>. "
        f'For programs: <a href="openapi.json">openapi.json</a>.</p>{body}<h2>Types</h2>{types}</body></html>'
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{_e(one['name'])}</code><td>{_e(one['in'])}<td>{_shape(one['schema'])}"
        f"<td>{_e(one.get('description', ''))}"
        for one in operation["parameters"]
    )
    table = f"<table>{rows}</table>" if rows else ""
    taken = operation.get("requestBody", {}).get("content", {})
    body = "".join(
        f"<p>Takes {_shape(one['schema'])} as <code>{_e(kind)}</code></p>" for kind, one in taken.items()
    )
    gives = "".join(
        f"<p>Gives {_shape(one['schema'])}</p>"
        for code, answer in operation["responses"].items()
        if code.startswith("2")
        for one in answer.get("content", {}).values()
    )
    return (
        f'<section id="{_e(operation["operationId"])}"><h3><code>{method.upper()} {_e(path)}</code></h3>'
        f"<p>{_e(operation['description'])}</p>{table}{body}{gives}</section>"
    )


def _type(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{_e(field)}</code><td>{_shape(one)}<td>{_e(one.get('description', ''))}"
        for field, one in schema.get("properties", {}).items()
    )
    choices = ", ".join(map(str, schema.get("enum", ())))
    return (
        f'<section id="{_e(name)}"><h3>{_e(name)}</h3><p>{_e(schema.get("description", ""))} {_e(choices)}</p>'
        f"<table>{rows}</table></section>"
    )


def _shape(schema: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{_e(name)}">{_e(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_shape(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    if "enum" in schema:
        return _e(" or ".join(map(str, schema["enum"])))
    return _e(str(schema.get("type", "anything")))


def _e(text: str) -> str:
    return html.escape(text)
