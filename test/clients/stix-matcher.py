"""What OASIS's own matcher says: reads {"observations": [bundle, …], "patterns": […]} and prints, for each pattern, the
numbers of the observations that it finds something in."""

import json
import sys

from stix2matcher.matcher import Pattern

given = json.load(sys.stdin)


def matches(pattern, bundle):
    return bool(pattern.match([bundle], False))


print(json.dumps([
    [at for at, bundle in enumerate(given["observations"]) if matches(Pattern(text, "2.1"), bundle)]
    for text in given["patterns"]
]))
