"""Makes schema.json: what of Kubeflow Trainer's API the manifests here use, as JSON Schema, from the models that the project publishes.

    pip install kubeflow-trainer-api==2.3.0
    python infra/kubeflow/make_schema.py > infra/kubeflow/schema.json

Of an object that a manifest has, all fields are here, with their types; of those that no manifest sets, the type is not followed further.
"""

import json
from importlib.metadata import version
from pathlib import Path

import yaml
from kubeflow_trainer_api import models

KINDS = {
    "TrainJob": models.TrainerV1alpha1TrainJob,
    "TrainingRuntime": models.TrainerV1alpha1TrainingRuntime,
    "PersistentVolumeClaim": models.IoK8sApiCoreV1PersistentVolumeClaim,
}


# A number, or a string such as 16Gi: the model's own schema does not say so.
QUANTITY = {"anyOf": [{"type": "string"}, {"type": "number"}]}


def plain(schema):
    """A schema without its prose, and without null, which a manifest does not write."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return {"anyOf": [plain(kind) for kind in kinds]}
    kept = {key: value for key, value in kinds[0].items() if key in ("$ref", "type", "format", "required", "enum")}
    if isinstance(kinds[0].get("items"), dict):
        kept["items"] = plain(kinds[0]["items"])
    if isinstance(kinds[0].get("additionalProperties"), dict):
        kept["additionalProperties"] = plain(kinds[0]["additionalProperties"])
    if "properties" in kinds[0]:
        kept["properties"] = {name: plain(value) for name, value in sorted(kinds[0]["properties"].items())}
        kept["additionalProperties"] = False
    return kept


def used(schema, value, definitions, found):
    """Notes the definitions that a value reaches."""
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        found.add(name)
        used(definitions[name], value, definitions, found)
    for kind in schema.get("anyOf", []):
        used(kind, value, definitions, found)
    if isinstance(value, dict):
        for key, inner in value.items():
            further = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            if isinstance(further, dict):
                used(further, inner, definitions, found)
    if isinstance(value, list) and "items" in schema:
        for inner in value:
            used(schema["items"], inner, definitions, found)


def unfollowed(schema, found):
    """Replaces references that were not reached by their type alone."""
    if isinstance(schema, dict):
        if "$ref" in schema and schema["$ref"].split("/")[-1] not in found:
            return {}
        return {key: unfollowed(value, found) for key, value in schema.items()}
    return [unfollowed(value, found) for value in schema] if isinstance(schema, list) else schema


def main():
    folder = Path(__file__).parent
    definitions, roots, found = {}, {}, set()
    for kind, model in KINDS.items():
        schema = model.model_json_schema(by_alias=True)
        definitions.update({name: plain(value) for name, value in schema.pop("$defs", {}).items()})
        roots[kind] = plain(schema)
    definitions["IoK8sApimachineryPkgApiResourceQuantity"] = QUANTITY
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document.get("kind") in KINDS:
                used(roots[document["kind"]], document, definitions, found)
    print(
        json.dumps(
            dict(
                source=f"PyPI kubeflow-trainer-api {version('kubeflow-trainer-api')}",
                kinds=unfollowed(roots, found),
                definitions={name: unfollowed(definitions[name], found) for name in sorted(found)},
            ),
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
