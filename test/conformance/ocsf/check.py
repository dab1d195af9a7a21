"""Validates OCSF events against the compiled schema of OCSF 1.8.0.

Reads events as NDJSON from standard input, each under the class and profiles it names itself, and prints one JSON
object: {"checked", "valid", "problems": [{"class_uid", "path", "message", "count", "line"}]}. Needs the packages
ocsf-json-schema and jsonschema.
"""

import json
import sys
from collections import OrderedDict

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded
from ocsf_json_schema.loader import get_ocsf_schema

VERSION = "1.8.0"


def main() -> None:
    compiled = get_ocsf_schema(VERSION)
    names = {entry["uid"]: name for name, entry in compiled["classes"].items()}
    schemas = OcsfJsonSchemaEmbedded(OcsfJsonSchema(compiled))
    validators = {}
    problems = OrderedDict()
    checked = valid = 0
    for line, text in enumerate(sys.stdin):
        event = json.loads(text)
        checked += 1
        found = []
        key = (event.get("class_uid"), tuple(event.get("metadata", {}).get("profiles", [])))
        if key[0] not in names:
            found.append(("class_uid", "not a class of the schema"))
        else:
            if key not in validators:
                validators[key] = Draft202012Validator(schemas.get_class_schema(names[key[0]], list(key[1])))
            for error in validators[key].iter_errors(event):
                found.append((".".join(str(part) for part in error.absolute_path), error.message[:300]))
            found.extend(rules_beyond_the_schema(event))
        valid += not found
        for path, message in found:
            problem = problems.setdefault(
                (key[0], path, message),
                {"class_uid": key[0], "path": path, "message": message, "count": 0, "line": line},
            )
            problem["count"] += 1
    print(json.dumps({"checked": checked, "valid": valid, "problems": list(problems.values())}))


def rules_beyond_the_schema(event: dict) -> list:
    """What the specification demands in words: composed ids, and the source's own word beside each 99 (Other)."""
    found = []
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        found.append(("type_uid", "is not class_uid * 100 + activity_id"))
    if event["category_uid"] != event["class_uid"] // 1000 % 100:
        found.append(("category_uid", "is not the class's category"))
    siblings = {"activity_id": "activity_name"}

    def walk(value, path):
        if isinstance(value, list):
            for index, element in enumerate(value):
                walk(element, f"{path}{index}.")
        elif isinstance(value, dict):
            for name, member in value.items():
                if name.endswith("_id") and member == 99:
                    sibling = siblings.get(name, name[: -len("_id")])
                    if not value.get(sibling):
                        found.append((path + name, f"99 without {sibling}"))
                walk(member, f"{path}{name}.")

    walk(event, "")
    return found


main()
