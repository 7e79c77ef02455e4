"""The OpenAPI 3.1 document, from the route table and the models. ``python -m primehub_services.api.openapi``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from .. import __version__
from ..domain.permissions import PERMISSIONS, SCOPE_DESCRIPTIONS, writes_as
from .problems import ProblemBody
from .route import BINARY, EVENTS, JSON, TEXT, Route, adapter
from .table import TABLE

ROOT = "/services/primehub/api/v1"
_REF = "#/components/schemas/{model}"
_GENERIC = re.compile(r"^Page_(\w+)_$")


class _Schema(GenerateJsonSchema):
    """Answers always hold every field, so those that have a default are required in them."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def generate_inner(self, schema: Any) -> dict[str, Any]:
        """A secret that an answer does hold is no write-only one."""
        made = super().generate_inner(schema)
        if self.mode == "serialization":
            made.pop("writeOnly", None)
        return made


def document() -> dict[str, Any]:
    """The whole document; the same for the same table."""
    wanted: list[tuple[Any, JsonSchemaMode]] = [(ProblemBody, "serialization")]
    for route in TABLE.routes:
        wanted += [(m, "validation") for m in (route.body, route.query) if m is not None]
        if route.response is not None and route.media == JSON:
            wanted.append((route.response, "serialization"))
    inputs = [(_key(model), mode, adapter(model).core_schema) for model, mode in dict.fromkeys(wanted)]
    generator = _Schema(by_alias=True, ref_template=_REF)
    schemas, definitions = generator.generate_definitions(inputs)
    names = {old: _name(old) for old in definitions}
    components = {names[old]: definitions[old] for old in sorted(definitions, key=names.__getitem__)}

    paths: dict[str, dict[str, Any]] = {}
    for route in TABLE.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, definitions)
    body = {
        "openapi": "3.1.0",
        "info": {
            "title": "PrimeHub",
            "version": __version__,
            "description": "Groups of data scientists: who may use what, what is in use; notebooks, jobs and recurring jobs, "
            "with their logs and what they leave.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": ROOT}],
        "tags": [{"name": tag} for tag in sorted({r.tag for r in TABLE.routes})],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _security()},
        "security": [{"token": []}, {"session": []}],
    }
    return _renamed(_tidy(body), names)


def _key(model: Any) -> str:
    return repr(model)


def _name(old: str) -> str:
    """Readable names: answers carry the plain one, what is sent in another form ends in ``Input``."""
    name = old
    suffix = ""
    if name.endswith("-Output"):
        name = name.removesuffix("-Output")
    elif name.endswith("-Input"):
        name, suffix = name.removesuffix("-Input"), "Input"
    match = _GENERIC.match(name)
    name = f"{match[1]}Page" if match else name
    return name.removesuffix("Body") + suffix


def _operation(route: Route, schemas: dict[Any, Any], definitions: Mapping[Any, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "operationId": route.name.replace(".", "_"),
        "tags": [route.tag],
        "summary": route.summary,
        "description": _rights(route),
        "parameters": [
            {"name": p, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for p in route.parameters
        ]
        + _query(route, schemas, definitions),
        "responses": {str(route.status): _answer(route, schemas), "default": _PROBLEM},
    }
    if route.body is not None:
        schema = schemas[(_key(route.body), "validation")]
        result["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if route.upload:
        result["requestBody"] = {"required": True, "content": {m: {"schema": _FILE} for m in route.upload}}
    if route.permission is None:
        result["security"] = []
    return result


_FILE = {"type": "string", "format": "binary"}
_PROBLEM = {
    "description": "What is wrong, which field, and what to do about it",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
}


def _answer(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    content: dict[str, Any] = {m: {"schema": {"type": "string"}} for m in route.also_media}
    if route.media in (EVENTS, TEXT):
        content[route.media] = {"schema": {"type": "string"}}
    elif route.media == BINARY:
        content[BINARY] = {"schema": _FILE}
    elif route.response is not None:
        content[route.media] = {"schema": schemas[(_key(route.response), "serialization")]}
    return answer | ({"content": content} if content else {})


def _query(route: Route, schemas: dict[Any, Any], definitions: Mapping[Any, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = schemas[(_key(route.query), "validation")]
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            **({"description": field["description"]} if "description" in field else {}),
            "schema": {k: v for k, v in _without_null(field).items() if k != "description"},
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """A query string cannot say null: absent is that."""
    choices = [c for c in field.get("anyOf", ()) if c != {"type": "null"}]
    if len(choices) != 1:
        return field
    rest = {k: v for k, v in field.items() if k not in ("anyOf", "default")}
    return {**choices[0], **rest}


def _rights(route: Route) -> str:
    if route.permission is None:
        return "Public."
    lines = []
    for permission in (route.permission, *route.also):
        rule = PERMISSIONS[permission]
        who = ", ".join(sorted(r.value.replace("-", " ") for r in rule.relations))
        also = [f"; a {r.value.replace('-', ' ')} needs `{scope.value}` too" for r, scope in writes_as(rule).items()]
        lines.append(f"`{permission}`: {who}; scope `{rule.scope.value}`{''.join(also)}.")
    return "\n\n".join(lines)


def _security() -> dict[str, Any]:
    scopes = "\n".join(f"- `{s.value}`: {text}" for s, text in SCOPE_DESCRIPTIONS.items())
    return {
        "token": {"type": "http", "scheme": "bearer", "description": f"A JupyterHub token with scopes of\n{scopes}"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "service-primehub",
            "description": "The portal's session; requests other than page views carry X-XSRFToken.",
        },
    }


def _tidy(value: Any) -> Any:
    """Without the titles that pydantic repeats from field names."""
    if isinstance(value, dict):
        keep = {k: _tidy(v) for k, v in value.items()}
        if isinstance(keep.get("title"), str) and (
            "type" in keep or "$ref" in keep or "anyOf" in keep or "oneOf" in keep
        ):
            del keep["title"]
        return keep
    return [_tidy(v) for v in value] if isinstance(value, list) else value


def _renamed(value: Any, names: Mapping[Any, str]) -> Any:
    if isinstance(value, dict):
        return {k: _renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, names) for v in value]
    if isinstance(value, str) and value.startswith("#/components/schemas/"):
        head, _, old = value.rpartition("/")
        return f"{head}/{names.get(old, old)}"
    return value


def main() -> None:
    """Print the document."""
    json.dump(document(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
