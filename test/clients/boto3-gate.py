"""What a user of boto3 meets in an account that refuses new access. Raises where an answer is not what it should be."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, access_key, secret = sys.argv[1:4]
iam = boto3.client(
    "iam",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id=access_key,
    aws_secret_access_key=secret,
    config=Config(retries={"max_attempts": 1}),
)
statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
given = {"UserName": "gated", "PolicyName": "p", "PolicyDocument": document}

iam.create_user(UserName="gated")
try:
    iam.put_user_policy(**given)
    raise AssertionError("new access was not refused")
except ClientError as error:
    assert error.response["Error"]["Code"] == "AccessDenied", error
    assert "iam:listusers on *" in error.response["Error"]["Message"], error
assert iam.list_user_policies(UserName="gated")["PolicyNames"] == []


def meant(request, **_):
    request.headers.add_header("X-Rampart-Allow-New-Access", "true")


iam.meta.events.register("before-sign.iam", meant)
iam.put_user_policy(**given)
iam.meta.events.unregister("before-sign.iam", meant)
assert iam.list_user_policies(UserName="gated")["PolicyNames"] == ["p"]
# The same again gives nothing new, and taking it away neither.
iam.put_user_policy(**given)
iam.delete_user_policy(UserName="gated", PolicyName="p")
iam.delete_user(UserName="gated")
print("done")
