from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from connectors import schemas
from connectors.examples import ENVELOPES, EXAMPLES
from connectors.models import MESSAGES, Signal

COMMITTED = Path(__file__).parents[2] / "docs" / "schemas"
DOCUMENTS = schemas.documents()


def test_the_committed_schemas_are_those_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main([str(COMMITTED), "--check"]) == 0, capsys.readouterr().err


def test_check_names_a_file_that_differs_and_one_without_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas.write(tmp_path)
    assert schemas.stale(tmp_path) == []
    (tmp_path / "signal.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "gone.schema.json").write_text("{}", encoding="utf-8")
    assert schemas.main([str(tmp_path), "--check"]) == 1
    told = capsys.readouterr().err
    assert "signal.schema.json" in told
    assert "gone.schema.json" in told
    assert "make schemas" in told
    assert schemas.main([str(tmp_path)]) == 0
    assert schemas.stale(tmp_path) == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_schema_is_sound_and_says_what_it_is(name: str) -> None:
    document = DOCUMENTS[name]
    Draft202012Validator.check_schema(document)
    assert document["$schema"].endswith("draft/2020-12/schema")
    assert document["$id"].startswith("urn:forewarn:message:")
    assert document["title"]
    assert document["description"]
    assert document["examples"]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_examples_are_valid(name: str) -> None:
    validator = Draft202012Validator(DOCUMENTS[name], format_checker=Draft202012Validator.FORMAT_CHECKER)
    for example in DOCUMENTS[name]["examples"]:
        validator.validate(example)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_examples_are_messages_and_come_back_from_the_wire_as_valid_json(name: str) -> None:
    validator = Draft202012Validator(DOCUMENTS[f"{name}.schema.json"])
    for example in EXAMPLES[name]:
        message = MESSAGES[name].model_validate_json(json.dumps(example))
        validator.validate(json.loads(message.wire()))


def test_an_empty_envelope_is_not_valid() -> None:
    validator = Draft202012Validator(DOCUMENTS["envelope.schema.json"])
    assert validator.is_valid(ENVELOPES[0])
    assert not validator.is_valid([])
    assert not validator.is_valid(ENVELOPES[0][0])


_OTHER_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5),
    st.just([]), st.just({}),
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    example=st.sampled_from(EXAMPLES["signal"]),
    field=st.sampled_from([*Signal.model_fields, "unheard_of"]),
    value=_OTHER_VALUES,
)
def test_what_the_schema_refuses_the_model_refuses_too(example: dict[str, Any], field: str, value: object) -> None:
    assume(not (field == "v" and value is True))  # Python's true equals 1, so pydantic takes it for the version
    mutated = copy.deepcopy(example) | {field: value}
    try:
        Signal.model_validate_json(json.dumps(mutated), strict=True)
    except ValidationError:
        return
    assert Draft202012Validator(DOCUMENTS["signal.schema.json"]).is_valid(mutated)
