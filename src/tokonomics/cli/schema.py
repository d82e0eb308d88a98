"""The JSON Schema of scenario files, made from the record that checks them."""

import json

from tokonomics.workload.scenario import Scenario


def schema_text() -> str:
    """The schema as a file: draft 2020-12, one key a line."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"
