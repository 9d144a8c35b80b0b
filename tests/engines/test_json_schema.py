"""The check of an answer against its schema, beside a validator that knows all of JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_imagejudge.engines.json_schema import breaks, portable, whole_object
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Protocol
from pytest_imagejudge.taxonomy import EDIT

HOUSE, HOUSE_EDIT = load_protocol("house"), load_protocol("house", kind="edit")
PATTERN = {
    "type": "object",
    "properties": {"reason": {"type": "string", "pattern": "^[a-z ]{1,9}$"}, "enum": {"enum": [True, None]}},
    "required": ["reason", "enum"],
    "additionalProperties": False,
}


def schemas(protocol: Protocol) -> list[dict[str, Any]]:
    return [protocol.sampling(name)["structured_outputs"]["json"] for name in protocol.dimensions]


SCHEMAS = [*schemas(HOUSE), *schemas(HOUSE_EDIT), PATTERN]
LEAF = st.one_of(st.none(), st.booleans(), st.integers(-1, 3), st.floats(0, 6), st.sampled_from(["N/A", "1", "fine"]))


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition that ``schema`` refers to, or itself."""
    return root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def values(schema: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What satisfies a schema, and now and then something else."""
    schema = resolved(schema, root)
    if "enum" in schema:
        return st.one_of(st.sampled_from(schema["enum"]), st.sampled_from(schema["enum"]), LEAF)
    if schema.get("type") == "string":
        return st.one_of(st.sampled_from(["fine", "a b"]), st.text(max_size=12), LEAF)
    named = {name: values(part, root) for name, part in schema["properties"].items()}
    exact = st.fixed_dictionaries(named)
    fewer = st.fixed_dictionaries({}, optional=named)
    more = st.fixed_dictionaries({**named, "more": LEAF})
    return st.one_of(exact, exact, exact, fewer, more, LEAF)


def perfect(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    schema = resolved(schema, root)
    if "enum" in schema:
        return schema["enum"][-1]
    return (
        {name: perfect(part, root) for name, part in schema["properties"].items()} if "properties" in schema else "fine"
    )


# Made once: looking at so many strategies takes hypothesis longer than drawing from them.
ANY = [st.one_of(values(schema, schema), st.just(perfect(schema, schema))) for schema in SCHEMAS]


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
@settings(max_examples=25)
@given(data=st.data())
def test_what_it_says_is_what_a_validator_says(number: int, data: st.DataObject) -> None:
    schema = SCHEMAS[number]
    value = data.draw(ANY[number])
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert breaks(json.dumps(value), schema) is not (valid and isinstance(value, dict))
    assert jsonschema.Draft202012Validator(portable(schema)).is_valid(value) is valid


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ('{"a": 1}', False),
        (' \n{"a": 1.0}\r\n\t', False),
        ('{"a": 2}', True),
        ('{"a": true}', True),
        ('{"a": "1"}', True),
        ('{"a": 1, "a": 1}', True),  # no grammar lets a name come twice
        ('{"a": 1, "b": 1}', True),
        ('{"a": NaN}', True),
        ("{}", True),
        ("[1]", True),
        ("null", True),
        ('```json\n{"a": 1}\n```', True),
        ('{"a": 1} {"a": 1}', True),
        ('{"a": 1,}', True),
        ("I will not.", True),
        ('{"a": ' + "[" * 100_000, True),
        ('{"a": ' + "1" * 10_000 + "}", True),
    ],
)
def test_answers(text: str, broken: bool) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"], "additionalProperties": False}
    assert breaks(text, schema) is broken


def test_keywords_that_are_not_known_break_nothing() -> None:
    assert not breaks('{"a": 1}', {"type": "object", "minProperties": 7, "properties": {"a": {"multipleOf": 2}}})


@given(st.text(max_size=40))
def test_a_whole_object_is_what_json_says(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        expected = None
    assert whole_object(text) == (expected if isinstance(expected, dict) else None)


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    yield schema
    for part in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())):
        yield from nodes(part)


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_every_server_takes_the_form(schema: dict[str, Any]) -> None:
    sent = portable(schema)
    assert "$ref" not in json.dumps(sent)  # of which not every server takes notice
    assert "$defs" not in sent
    for node in nodes(sent):
        assert "type" in node or "anyOf" in node  # else OpenAI says: schema must have a 'type' key
        assert isinstance(node.get("type", ""), str)
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


def test_a_definition_that_refers_to_itself_stays() -> None:
    tree = {"type": "object", "properties": {"score": {"enum": [1]}, "next": {"$ref": "#/$defs/tree"}}}
    sent = portable({**tree, "$defs": {"tree": tree}})
    assert sent["properties"]["next"]["properties"]["next"] == {"$ref": "#/$defs/tree"}
    assert sent["$defs"]["tree"]["properties"]["score"] == {"type": "integer", "enum": [1]}


def test_scores_and_their_absence_are_two_types() -> None:
    facet = portable(schemas(HOUSE)[0])["properties"]["Resolution"]["properties"]["Resolution"]
    assert facet["properties"]["score"] == {
        "anyOf": [{"type": "integer", "enum": [0, 1, 2]}, {"type": "string", "enum": ["N/A"]}]
    }
    overall = portable(HOUSE_EDIT.sampling(EDIT)["structured_outputs"]["json"])["properties"]["overall"]
    assert overall["properties"]["score"]["type"] == "number"
