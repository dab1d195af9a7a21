"""What OASIS's own libraries say of STIX: reads {"patterns": […], "bundle": {…}} and prints which patterns are valid;
raises where the bundle is not STIX."""

import json
import sys

import stix2
from stix2patterns.validator import run_validator

given = json.load(sys.stdin)
# The library itself fails on an empty text.
verdicts = [pattern != "" and not run_validator(pattern, stix_version="2.1") for pattern in given["patterns"]]
bundle = stix2.parse(given["bundle"], allow_custom=False, version="2.1")
for indicator in bundle.objects:
    assert not run_validator(indicator.pattern, stix_version="2.1"), indicator.pattern
print(json.dumps({"valid": verdicts, "objects": len(bundle.objects)}))
