"""What pySigma makes of rules: python pysigma-conditions.py RULES PIPELINE…

Prints one JSON object a rule, {"id", "condition"} or {"id", "error"}, in the order of the files below RULES. A condition is
a tree of lists: ["and"|"or", child…], ["not", child], and leaves [kind, field, …]."""

import json
import sys
from pathlib import Path

from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR, ConditionValueExpression
from sigma.exceptions import SigmaError
from sigma.processing.resolver import ProcessingPipelineResolver
from sigma.rule import SigmaRule
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)


def join(kind, children):
    kept = [child for child in children if child is not None]
    return None if not kept else [kind, *kept]


def parts(value):
    said = []
    for part in value.s:
        if part == SpecialChars.WILDCARD_MULTI:
            # Neighbouring stars are one.
            if said[-1:] != [1]:
                said.append(1)
        elif part == SpecialChars.WILDCARD_SINGLE:
            said.append(2)
        elif isinstance(part, Placeholder):
            raise ValueError(f"placeholder {part.name} left")
        elif said and isinstance(said[-1], str):
            said[-1] += part
        elif part:
            said.append(part)
    return said


def leaf(field, value):
    if isinstance(value, SigmaExpansion):
        return join("or", [leaf(field, one) for one in value.values])
    if isinstance(value, SigmaString):
        said = parts(value)
        if field is None:
            said = ([] if said[:1] == [1] else [1]) + said + ([] if said[-1:] == [1] else [1])
        return ["text", field or "", said, isinstance(value, SigmaCasedString)]
    if isinstance(value, SigmaNumber):
        return ["number", field, value.number] if field else ["text", "", [1, str(value.number), 1], False]
    if isinstance(value, SigmaBool):
        return ["text", field or "", [str(value.boolean).lower()], False]
    if isinstance(value, SigmaNull):
        return ["null", field]
    if isinstance(value, SigmaExists):
        return ["exists", field, bool(value)]
    if isinstance(value, SigmaRegularExpression):
        return ["regex", field or "", value.regexp.to_plain_regex(), sorted(flag.name for flag in value.flags)]
    if isinstance(value, SigmaCIDRExpression):
        return ["network", field, str(value.cidr)]
    if isinstance(value, SigmaFieldReference):
        return ["fieldRef", field, value.field, value.starts_with, value.ends_with]
    if isinstance(value, SigmaCompareExpression):
        return ["compare", field, value.op.name.lower(), value.number.number]
    raise TypeError(type(value).__name__)


def tree(condition):
    if condition is None:
        return None
    if isinstance(condition, ConditionAND):
        return join("and", [tree(child) for child in condition.args])
    if isinstance(condition, ConditionOR):
        return join("or", [tree(child) for child in condition.args])
    if isinstance(condition, ConditionNOT):
        child = tree(condition.args[0]) if condition.args else None
        if child is None:
            return None
        return ["not", child]
    if isinstance(condition, ConditionValueExpression):
        return leaf(None, condition.value)
    return leaf(condition.field, condition.value)


def main(rules, pipelines):
    for path in sorted(Path(rules).rglob("*.yml"), key=lambda path: str(path.relative_to(rules))):
        told = {"id": path.stem}
        try:
            rule = SigmaRule.from_yaml(path.read_text())
            told["id"] = str(rule.id or path.stem)
            ProcessingPipelineResolver().resolve(pipelines).apply(rule)
            logsource = rule.logsource
            told["logsource"] = [logsource.product, logsource.category, logsource.service]
            told["condition"] = join("or", [tree(condition.parsed) for condition in rule.detection.parsed_condition])
            if told["condition"] is None:
                told["error"] = "nothing left"
        except (SigmaError, ValueError, TypeError) as error:
            told["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(told, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
