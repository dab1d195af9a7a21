"""What a user of taxii2-client does with the TAXII server. Raises where an answer is not what TAXII 2.1 says."""

import sys
import uuid

import requests
from requests.auth import AuthBase
from taxii2client.v21 import Server, as_pages
from taxii2client.exceptions import TAXIIServiceException

endpoint, token = sys.argv[1:3]


class Bearer(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {token}"
        return request


MEDIA = "application/taxii+json;version=2.1"


def indicator(name, modified="2026-03-01T00:00:00.000Z", **more):
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{uuid.uuid5(uuid.NAMESPACE_DNS, name)}",
        "created": "2026-03-01T00:00:00.000Z",
        "modified": modified,
        "valid_from": "2026-03-01T00:00:00Z",
        "pattern_type": "stix",
        "pattern": f"[domain-name:value = '{name}']",
        **more,
    }


server = Server(f"{endpoint}/taxii2/", auth=Bearer())
assert server.title == "Rampart" and len(server.api_roots) == 1, server.api_roots
root = server.default
assert root.versions == [MEDIA] and root.max_content_length > 0
collections = {c.alias if hasattr(c, "alias") else c._raw["alias"]: c for c in root.collections}
objects, indicators = collections["objects"], collections["indicators"]
assert objects.can_read and objects.can_write and indicators.can_read and not indicators.can_write

# An empty collection
assert objects.get_objects() == {}
assert objects.get_manifest() == {}

# Objects go in, and what became of each is told
names = [f"d{number}.example" for number in range(25)]
status = objects.add_objects({"objects": [indicator(name) for name in names] + [{"type": "x", "id": "nonsense"}]})
assert status.status == "complete" and status.success_count == 25 and status.failure_count == 1, status
assert len(status.successes) == 25 and status.failures[0]["id"] == "nonsense", status.failures
again = root.get_status(status.id)
assert again.success_count == 25 and again.total_count == 26

# Pages, in the order in which they came; each object once
seen = [o["id"] for page in as_pages(objects.get_objects, per_request=10) for o in page.get("objects", [])]
assert seen == [indicator(name)["id"] for name in names], seen
manifest = [m for page in as_pages(objects.get_manifest, per_request=7) for m in page.get("objects", [])]
added = [m["date_added"] for m in manifest]
assert len(added) == 25 and added == sorted(set(added)), added
assert all(m["media_type"] == "application/stix+json;version=2.1" for m in manifest)
assert manifest[0]["version"] == "2026-03-01T00:00:00.000000Z"

# added_after, from the header of an earlier answer
answer = requests.get(objects.objects_url, params={"limit": 10}, headers={"Accept": MEDIA}, auth=Bearer())
assert answer.headers["Content-Type"].replace(" ", "") == MEDIA, answer.headers
assert answer.headers["X-TAXII-Date-Added-First"] == added[0]
last = answer.headers["X-TAXII-Date-Added-Last"]
assert last == added[9]
rest = objects.get_objects(added_after=last, limit=1000)["objects"]
assert [o["id"] for o in rest] == seen[10:]

# Versions
objects.add_objects({"objects": [indicator("d0.example", "2026-03-02T00:00:00.000Z", confidence=40)]})
first = indicator("d0.example")["id"]
assert [o["modified"][:10] for o in objects.get_object(first)["objects"]] == ["2026-03-02"]
assert len(objects.get_object(first, version="all")["objects"]) == 2
assert objects.get_object(first, version="first")["objects"][0]["modified"][:10] == "2026-03-01"
assert len(objects.get_object(first, version="2026-03-01T00:00:00.000Z")["objects"]) == 1
assert objects.object_versions(first)["versions"] == ["2026-03-01T00:00:00.000000Z", "2026-03-02T00:00:00.000000Z"]
assert len(objects.get_objects(type="indicator", limit=1000)["objects"]) == 25
assert objects.get_objects(type="malware") == {}
assert [o["id"] for o in objects.get_objects(id=[seen[3], seen[5]])["objects"]] == [seen[3], seen[5]]
assert len(objects.get_objects(spec_version="2.1", limit=1000)["objects"]) == 25
assert objects.get_objects(spec_version="2.0") == {}

# What all sources say together
told = [o for page in as_pages(indicators.get_objects, per_request=10) for o in page.get("objects", [])]
assert sorted(o["pattern"] for o in told) == sorted(f"[domain-name:value = '{name}']" for name in names), told
assert indicators.get_object(told[0]["id"])["objects"] == [told[0]]


def refused(status, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except (requests.HTTPError, TAXIIServiceException) as error:
        body = error.response.json()
        assert error.response.status_code == status and body["http_status"] == str(status), body
        assert body["title"] and body["error_id"], body
        return
    raise AssertionError(f"not refused with {status}")


refused(404, objects.get_object, f"indicator--{uuid.uuid4()}")
refused(404, root.get_status, str(uuid.uuid4()))
refused(400, objects.get_objects, added_after="yesterday")


def status_of(method, url, **more):
    answer = requests.request(method, url, **more)
    body = answer.json()
    assert body["http_status"] == str(answer.status_code), body
    return answer.status_code


assert status_of("GET", f"{endpoint}/taxii2/", headers={"Accept": MEDIA}) == 401
assert status_of("GET", f"{endpoint}/taxii2/", headers={"Accept": "application/json"}, auth=Bearer()) == 406
assert status_of("GET", f"{endpoint}/taxii2/absent/", headers={"Accept": MEDIA}, auth=Bearer()) == 404
assert status_of("GET", f"{endpoint}/taxii2/default/collections/absent/", headers={"Accept": MEDIA}, auth=Bearer()) == 404
assert status_of("POST", objects.objects_url, json={"objects": []}, headers={"Accept": MEDIA}, auth=Bearer()) == 415
taxii = {"Accept": MEDIA, "Content-Type": MEDIA}
assert status_of("POST", objects.objects_url, data="{}", headers=taxii, auth=Bearer()) == 422
assert status_of("POST", indicators.objects_url, data='{"objects":[]}', headers=taxii, auth=Bearer()) == 403
print("done")
