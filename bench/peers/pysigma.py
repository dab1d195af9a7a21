"""Rules matched by pySigma's condition trees and an evaluator in plain Python: python pysigma.py RULES EVENTS

Reads flat Windows events, one JSON object a line; prints {"rules", "events", "matches", "seconds"}, the time without
reading the rules. pySigma's own pipelines put channel and event id into the rules;
by these, the rules that an event need not be tested with are left out."""

import ipaddress
import json
import re
import sys
import time
from collections import defaultdict
from pathlib import Path

from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR, ConditionValueExpression
from sigma.exceptions import SigmaError
from sigma.pipelines.sysmon import sysmon_pipeline
from sigma.pipelines.windows import windows_logsource_pipeline
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule
from sigma.types import (
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

COMPARE = {"LT": float.__lt__, "LTE": float.__le__, "GT": float.__gt__, "GTE": float.__ge__}


def texts(value):
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [] if value is None or isinstance(value, dict) else [str(value)]


def pattern(value, whole):
    """A test of one text, by string methods where the pattern has stars at its ends only."""
    cased = isinstance(value, SigmaCasedString)
    parts = [part for part in value.s if part != ""]
    middle = [part for part in parts if isinstance(part, str)]
    if len(middle) <= 1 and SpecialChars.WILDCARD_SINGLE not in parts:
        literal = middle[0] if middle else ""
        said = literal if cased else literal.lower()
        before = not whole or parts[:1] == [SpecialChars.WILDCARD_MULTI]
        after = not whole or parts[-1:] == [SpecialChars.WILDCARD_MULTI]
        holds = (
            said.__eq__ if not before and not after
            else (lambda text: said in text) if before and after
            else (lambda text: text.endswith(said)) if before
            else (lambda text: text.startswith(said))
        )
        return holds if cased else lambda text: holds(text.lower())
    said = "".join(
        ".*" if part == SpecialChars.WILDCARD_MULTI else "." if part == SpecialChars.WILDCARD_SINGLE else re.escape(part)
        for part in parts
    )
    compiled = re.compile(said, re.DOTALL | (0 if cased else re.IGNORECASE))
    return compiled.fullmatch if whole else compiled.search


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def over(field, holds):
    """A test of one text over a field's value, or over all values."""
    if field is None:
        return lambda event: any(holds(text) for value in event.values() for text in texts(value))
    return lambda event: field in event and any(holds(text) for text in texts(event[field]))


def leaf(field, value):
    if isinstance(value, SigmaExpansion):
        tests = [leaf(field, one) for one in value.values]
        return lambda event: any(test(event) for test in tests)
    if isinstance(value, SigmaString):
        return over(field, pattern(value, whole=field is not None))
    if isinstance(value, SigmaNumber):
        wanted, said = float(value.number), str(value)
        return over(field, lambda text: text == said or number(text) == wanted)
    if isinstance(value, SigmaBool):
        return over(field, lambda text: text.lower() == str(value).lower())
    if isinstance(value, SigmaRegularExpression):
        value.compile()
        return over(field, re.compile(str(value.regexp)).search)
    if isinstance(value, SigmaCIDRExpression):
        network = ipaddress.ip_network(value.cidr)

        def inside(text):
            try:
                return ipaddress.ip_address(text) in network
            except ValueError:
                return False

        return over(field, inside)
    if isinstance(value, SigmaCompareExpression):
        compare, bound = COMPARE[value.op.name], float(str(value.number))
        return over(field, lambda text: (found := number(text)) is not None and compare(found, bound))
    if isinstance(value, SigmaNull):
        return lambda event: event.get(field) is None
    if isinstance(value, SigmaExists):
        return lambda event: (field in event) == bool(value)
    if isinstance(value, SigmaFieldReference):
        return lambda event: field in event and str(event[field]).lower() == str(event.get(value.field)).lower()
    raise ValueError(f"no test for {type(value).__name__}")


def tests(condition):
    if isinstance(condition, ConditionAND):
        parts = [tests(part) for part in condition.args]
        return lambda event: all(part(event) for part in parts)
    if isinstance(condition, ConditionOR):
        parts = [tests(part) for part in condition.args]
        return lambda event: any(part(event) for part in parts)
    if isinstance(condition, ConditionNOT):
        inner = tests(condition.args[0])
        return lambda event: not inner(event)
    return leaf(None if isinstance(condition, ConditionValueExpression) else condition.field, condition.value)


def required(condition, field):
    """The one text that a condition demands of a field, where it does."""
    if isinstance(condition, ConditionAND):
        return next((found for part in condition.args if (found := required(part, field))), None)
    plain = hasattr(condition, "field") and condition.field == field and isinstance(condition.value, (SigmaString, SigmaNumber))
    return str(condition.value).lower() if plain else None


def load(folder):
    pipeline: ProcessingPipeline = sysmon_pipeline() + windows_logsource_pipeline()
    for path in sorted(Path(folder).rglob("*.yml")):
        try:
            rule = SigmaRule.from_yaml(path.read_text())
            if rule.logsource.product != "windows":
                continue
            pipeline.apply(rule)
            for condition in rule.detection.parsed_condition:
                tree = condition.parsed
                yield required(tree, "Channel"), required(tree, "EventID"), tests(tree)
        except (SigmaError, ValueError, TypeError, re.error):  # a placeholder is left, or Python's regex knows less
            continue


rules = defaultdict(list)
for channel, event_id, test in load(sys.argv[1]):
    rules[channel, event_id].append(test)
events = [json.loads(line) for line in open(sys.argv[2])]
started = time.perf_counter()
matches = 0
for event in events:
    channel, event_id = str(event.get("Channel")).lower(), str(event.get("EventID"))
    for key in ((channel, event_id), (channel, None), (None, event_id), (None, None)):
        matches += sum(1 for test in rules.get(key, ()) if test(event))
seconds = time.perf_counter() - started
print(json.dumps({"rules": sum(map(len, rules.values())), "events": len(events), "matches": matches, "seconds": seconds}))
