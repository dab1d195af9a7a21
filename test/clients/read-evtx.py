"""What the Rust library evtx reads from an event log: prints the JSON of each event on a line of its own."""

import json
import sys

from evtx import PyEvtxParser

for record in PyEvtxParser(sys.argv[1]).records_json():
    print(json.dumps(json.loads(record["data"])))
