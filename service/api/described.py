"""What OpenAPI says of every operation without its writer's doing: who may, and how it can fail."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from service.api import problems
from service.auth import policy

SCHEME = "key"
SECURITY = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": "A key as `nextcount user add` shows it once: prefix.secret.",
    }
}
Operation = dict[str, Any]


def complete(app: FastAPI) -> None:
    """Let the application's OpenAPI say the rest."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema.setdefault("components", {})["securitySchemes"] = SECURITY
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    _complete(path, operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(path: str, operation: Operation) -> None:
    if operation["operationId"] not in policy.PUBLIC:
        operation["security"] = [{SCHEME: []}]
        operation["description"] = f"{operation.get('description', '')}\n\n{_who(operation)}".strip()
    said = operation["responses"]
    if "HTTPValidationError" in str(said.get("422")):
        del said["422"]
    for status, answer in problems.documented(*_failures(path, operation)).items():
        said.setdefault(str(status), answer)


def _who(operation: Operation) -> str:
    allowed = policy.TABLE.get(operation["operationId"], policy.NOBODY)
    return f"Who may: {', '.join(sorted(allowed.clinic | allowed.house)) or 'nobody'}."


def _failures(path: str, operation: Operation) -> Iterator[int]:
    """How it can fail, by what it takes."""
    parameters = {parameter["name"] for parameter in operation.get("parameters", [])}
    yield from (429, 503)
    if "security" in operation:
        yield from (401, 403)
    if parameters or "requestBody" in operation:
        yield 422
    if "requestBody" in operation:
        yield from (400, 413, 415)
    if "{" in path or "clinic" in parameters:
        yield 404
    if "Idempotency-Key" in parameters:
        yield 409
    if "If-Match" in parameters:
        yield from (409, 412, 428)
