"""What a user of boto3 does with temporary credentials. Raises where an answer is not what AWS's would be."""

import base64
import hashlib
import hmac
import json
import struct
import sys
import time
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

given = json.loads(sys.argv[1])
ACCOUNT = "000000000001"


def client(service, key=given["accessKeyId"], value=given["secretAccessKey"], token=None, **more):
    return boto3.client(
        service,
        endpoint_url=given["endpoint"],
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=value,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 1}, parameter_validation=False, **more),
    )


def session(credentials, service="iam"):
    return client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def refused(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), error
        assert error.response["Error"]["Type"] == "Sender", error
        return error
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(action, principal, condition=None):
    more = {"Condition": condition} if condition else {}
    return {"Effect": "Allow", "Action": action, "Principal": principal, **more}


iam, sts = client("iam"), client("sts")

# A user with an access key that proves a second factor
tess = iam.create_access_key(UserName="tess")["AccessKey"]
tess_sts = client("sts", tess["AccessKeyId"], tess["SecretAccessKey"])
tess_arn = f"arn:rampart:iam::{ACCOUNT}:user/tess"
needs_mfa = allow("iam:List*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
iam.put_user_policy(UserName="tess", PolicyName="mfa", PolicyDocument=policy(needs_mfa))
serial = f"arn:rampart:iam::{ACCOUNT}:mfa/tess"


def code(step=0):
    secret = base64.b32decode(given["totpSecret"])
    digest = hmac.new(secret, struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000:06d}"


refused("AccessDenied", 403, client("iam", tess["AccessKeyId"], tess["SecretAccessKey"]).list_users)
plain = tess_sts.get_session_token(DurationSeconds=900)["Credentials"]
refused("AccessDenied", 403, session(plain).list_users)
refused("AccessDenied", 403, tess_sts.get_session_token, SerialNumber=serial, TokenCode="000000")
refused("AccessDenied", 403, tess_sts.get_session_token, SerialNumber=serial + "x", TokenCode=code())
refused("ValidationError", 400, tess_sts.get_session_token, SerialNumber=serial)
now = code()
proven = tess_sts.get_session_token(SerialNumber=serial, TokenCode=now)["Credentials"]
assert len(session(proven).list_users()["Users"]) >= 2
refused("AccessDenied", 403, tess_sts.get_session_token, SerialNumber=serial, TokenCode=now)
refused("ValidationError", 400, session(proven, "sts").get_session_token)
refused("ValidationError", 400, tess_sts.get_session_token, DurationSeconds=899)

# A role: external id, session name, duration, session policy
iam.put_user_policy(UserName="tess", PolicyName="own", PolicyDocument=policy(allow("sts:DecodeAuthorizationMessage")))
both = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
first = iam.create_role(
    RoleName="first",
    AssumeRolePolicyDocument=policy(trust(both, {"AWS": tess_arn}, {"StringLike": {"sts:ExternalId": "team/*"}})),
    MaxSessionDuration=7200,
    Tags=[{"Key": "team", "Value": "of-role"}, {"Key": "floor", "Value": "3"}],
)["Role"]["Arn"]
iam.put_role_policy(
    RoleName="first",
    PolicyName="tagged",
    PolicyDocument=policy(
        allow("iam:List*", Condition={"StringEquals": {"aws:PrincipalTag/team": "soc", "aws:PrincipalTag/floor": "3"}}),
        allow("iam:GetUser", Condition={"StringEquals": {"aws:SourceIdentity": "tess"}}),
        allow("sts:*"),
    ),
)
assume = {"RoleArn": first, "RoleSessionName": "s-1,2"}
refused("AccessDenied", 403, tess_sts.assume_role, **assume)
refused("AccessDenied", 403, tess_sts.assume_role, **assume, ExternalId="other/x")
refused("ValidationError", 400, tess_sts.assume_role, **assume, ExternalId="team/ x")
refused("ValidationError", 400, tess_sts.assume_role, **assume, ExternalId="team/x", DurationSeconds=7201)
refused("ValidationError", 400, tess_sts.assume_role, RoleArn=first, RoleSessionName="s p", ExternalId="team/x")
untagged = tess_sts.assume_role(**assume, ExternalId="team/x")
assert untagged["PackedPolicySize"] == 0
refused("AccessDenied", 403, session(untagged["Credentials"]).list_users)
long = policy(allow(["iam:Get" + "x" * 200] * 12))
refused("PackedPolicyTooLarge", 400, tess_sts.assume_role, **assume, ExternalId="team/x", Policy=long)
refused("MalformedPolicyDocument", 400, tess_sts.assume_role, **assume, ExternalId="team/x", Policy='{"Version":1}')
arns = [{"arn": "arn:rampart:iam::rampart:policy/ReadOnly"}]
refused("ValidationError", 400, tess_sts.assume_role, **assume, ExternalId="team/x", PolicyArns=arns)

# A role that wants a second factor, proved as it is assumed
mfa_role = iam.create_role(
    RoleName="guarded",
    AssumeRolePolicyDocument=policy(
        trust("sts:AssumeRole", {"AWS": tess_arn}, {"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    ),
)["Role"]["Arn"]
guarded = {"RoleArn": mfa_role, "RoleSessionName": "s1"}
refused("AccessDenied", 403, tess_sts.assume_role, **guarded)
tess_sts.assume_role(**guarded, SerialNumber=serial, TokenCode=code(1))
session(proven, "sts").assume_role(**guarded)

# Session tags and source identity, and what of them goes on
wish = {
    **assume,
    "ExternalId": "team/x",
    "Tags": [{"Key": "team", "Value": "soc"}, {"Key": "shift", "Value": "night"}],
    "TransitiveTagKeys": ["team"],
    "SourceIdentity": "tess",
}
tagged = tess_sts.assume_role(**wish)
assert tagged["SourceIdentity"] == "tess" and tagged["PackedPolicySize"] >= 1, tagged
assert len(session(tagged["Credentials"]).list_users()["Users"]) >= 2
assert session(tagged["Credentials"]).get_user(UserName="tess")["User"]["UserName"] == "tess"
refused("InvalidParameterValue", 400, tess_sts.assume_role, **{**wish, "TransitiveTagKeys": ["absent"]})
iam.update_assume_role_policy(
    RoleName="first",
    PolicyDocument=policy(trust("sts:AssumeRole", {"AWS": tess_arn}, {"StringLike": {"sts:ExternalId": "team/*"}})),
)
refused("AccessDenied", 403, tess_sts.assume_role, **wish)
tess_sts.assume_role(**assume, ExternalId="team/x")

second = iam.create_role(
    RoleName="second",
    AssumeRolePolicyDocument=policy(
        trust(both, {"AWS": first}, {"StringEquals": {"aws:PrincipalTag/team": "soc", "sts:SourceIdentity": "tess"}})
    ),
    MaxSessionDuration=43200,
)["Role"]["Arn"]
iam.put_role_policy(
    RoleName="second",
    PolicyName="tagged",
    PolicyDocument=policy(
        allow("iam:List*", Condition={"StringEquals": {"aws:PrincipalTag/team": "soc"}}),
        allow("iam:GetRole", Condition={"StringEquals": {"aws:PrincipalTag/shift": "night"}}),
        allow("iam:GetUser", Condition={"StringEquals": {"aws:SourceIdentity": "tess"}}),
    ),
)
chain = session(tagged["Credentials"], "sts")
refused("ValidationError", 400, chain.assume_role, RoleArn=second, RoleSessionName="s2", DurationSeconds=3601)
refused("AccessDenied", 403, session(untagged["Credentials"], "sts").assume_role, RoleArn=second, RoleSessionName="s2")
retagged = [{"Key": "team", "Value": "other"}]
refused("InvalidParameterValue", 400, chain.assume_role, RoleArn=second, RoleSessionName="s2", Tags=retagged)
refused("InvalidParameterValue", 400, chain.assume_role, RoleArn=second, RoleSessionName="s2", SourceIdentity="other")
chained = chain.assume_role(RoleArn=second, RoleSessionName="s2", DurationSeconds=3600)["Credentials"]
assert chained["Expiration"].timestamp() - time.time() <= 3600
assert len(session(chained).list_users()["Users"]) >= 2
assert session(chained).get_user(UserName="tess")["User"]["UserName"] == "tess"
error = refused("AccessDenied", 403, session(chained).get_role, RoleName="second")
me = session(chained, "sts").get_caller_identity()
assert me["Arn"] == f"arn:rampart:sts::{ACCOUNT}:assumed-role/second/s2" and me["UserId"].endswith(":s2"), me

# What a refusal was about
decision = str(error).rsplit("(decision ", 1)[1].rstrip(")")
message = json.loads(sts.decode_authorization_message(EncodedMessage=decision)["DecodedMessage"])
assert message["context"]["action"] == "iam:role:get" and message["explicitDeny"] is False, message
refused("InvalidAuthorizationMessageException", 400, sts.decode_authorization_message, EncodedMessage="f" * 32)

# Web identity: no credentials, a token
iam.create_role(
    RoleName="deployer",
    AssumeRolePolicyDocument=policy(
        trust(
            "sts:AssumeRoleWithWebIdentity",
            {"Federated": given["providerArn"]},
            {"StringEquals": {f"{given['issuer']}:aud": "rampart"}, "StringLike": {f"{given['issuer']}:sub": "repo:acme/*"}},
        )
    ),
)
iam.put_role_policy(RoleName="deployer", PolicyName="list", PolicyDocument=policy(allow("iam:ListUsers")))
nobody = client("sts", None, None, signature_version=UNSIGNED)
web = {"RoleArn": f"arn:rampart:iam::{ACCOUNT}:role/deployer", "RoleSessionName": "build-7"}
tokens = given["tokens"]
made = nobody.assume_role_with_web_identity(**web, WebIdentityToken=tokens["good"])
assert made["SubjectFromWebIdentityToken"] == "repo:acme/shop" and made["Audience"] == "rampart", made
assert made["Provider"] == given["providerArn"], made
assert len(session(made["Credentials"]).list_users()["Users"]) >= 2
refused("AccessDenied", 403, session(made["Credentials"]).list_roles)
narrow = nobody.assume_role_with_web_identity(
    **web, WebIdentityToken=tokens["good"], Policy=policy(allow("iam:ListRoles")), DurationSeconds=900
)["Credentials"]
refused("AccessDenied", 403, session(narrow).list_users)
by_web = nobody.assume_role_with_web_identity
refused("ExpiredTokenException", 400, by_web, **web, WebIdentityToken=tokens["expired"])
refused("IDPRejectedClaim", 403, by_web, **web, WebIdentityToken=tokens["otherAudience"])
refused("InvalidIdentityToken", 400, by_web, **web, WebIdentityToken=tokens["otherKey"])
refused("InvalidIdentityToken", 400, by_web, **web, WebIdentityToken=tokens["otherIssuer"])
refused("InvalidIdentityToken", 400, by_web, **web, WebIdentityToken=tokens["otherAlgorithm"])
refused("InvalidIdentityToken", 400, by_web, **web, WebIdentityToken=tokens["none"])
refused("InvalidIdentityToken", 400, by_web, **web, WebIdentityToken="nonsense")
refused("IDPCommunicationError", 400, by_web, **web, WebIdentityToken=tokens["unreachable"])
unknown = refused("AccessDenied", 403, by_web, **web, WebIdentityToken=tokens["otherSubject"])
absent = {**web, "RoleArn": web["RoleArn"] + "x"}
assert str(refused("AccessDenied", 403, by_web, **absent, WebIdentityToken=tokens["good"])) == str(unknown)
refused("MissingAuthenticationToken", 403, client("sts", None, None, signature_version=UNSIGNED).get_caller_identity)

# Identity providers as AWS's tools keep them
arn = iam.create_open_id_connect_provider(Url="https://token.example.com", ClientIDList=["a", "b"])["OpenIDConnectProviderArn"]
refused("EntityAlreadyExists", 409, iam.create_open_id_connect_provider, Url="https://token.example.com", ClientIDList=["a"])
refused("ValidationError", 400, iam.create_open_id_connect_provider, Url="http://token.example.org", ClientIDList=["a"])
found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
assert found["Url"] == "token.example.com" and found["ClientIDList"] == ["a", "b"], found
assert arn in [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
refused("NoSuchEntity", 404, iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)

# Sessions of a role end when they are revoked, by the time they began
revoked = tess_sts.assume_role(**assume, ExternalId="team/x")["Credentials"]
older = {"Effect": "Deny", "Action": "*", "Resource": "*"}
issued = {"DateLessThan": {"aws:TokenIssueTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))}}
iam.put_role_policy(RoleName="second", PolicyName="revoke", PolicyDocument=policy({**older, "Condition": issued}))
refused("AccessDenied", 403, session(chained).list_users)
assert session(revoked, "sts").get_caller_identity()["Account"] == ACCOUNT
request = urllib.request.Request(
    f"{given['endpoint']}/v1/iam/roles/first/sessions", method="DELETE", headers={"Authorization": f"Bearer {given['token']}"}
)
assert urllib.request.urlopen(request).status == 204
refused("ExpiredToken", 403, session(revoked, "sts").get_caller_identity)
print("done")
