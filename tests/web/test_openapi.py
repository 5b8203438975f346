"""The document says what the service does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.web.asking import Asked


@pytest.fixture
def document(asked: Asked) -> dict[str, Any]:
    answer = asked.ask("GET", "/v1/openapi.json", key=None)
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def test_every_path_of_ours_stands_in_it(asked: Asked, document: dict[str, Any]) -> None:
    there = {path for _, path in asked.paths() if path.startswith("/v1/")}

    assert there - {"/v1/openapi.json"} == {path for path in document["paths"] if path.startswith("/v1/")}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        return [each for value in part for each in references(value)] if isinstance(part, list) else []

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document)
    assert set(references(document)) <= known


def test_its_example_is_of_the_schema_and_is_taken(asked: Asked, document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]

    jsonschema.validate(content["example"], {**content["schema"], "components": document["components"]})
    (result,) = asked.send(content["example"])
    assert result["state"] == "new"
    answer = asked.ask("POST", "/v1/events", json=content["example"]).json()
    schema = {"$ref": "#/components/schemas/EventsOut", "components": document["components"]}
    jsonschema.validate(answer, schema)


def test_what_needs_a_key_says_so(document: dict[str, Any]) -> None:
    secured = {path for path, those in document["paths"].items() for each in those.values() if each.get("security")}

    assert secured == {"/v1/events", "/v1/consents", "/v1/hooks/mapped/{name}"}
