"""What a user of boto3 does with IAM and STS. Raises where an answer is not what AWS's would be."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, access_key, secret = sys.argv[1:4]
config = Config(retries={"max_attempts": 1})


def client(service, key=access_key, value=secret, token=None, region="us-east-1"):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=value,
        aws_session_token=token,
        config=config,
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["RequestId"], error
        return error
    raise AssertionError(f"{call.__name__} was not refused with {code}")


iam, sts = client("iam"), client("sts")
ACCOUNT = "000000000001"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


# Who am I, in both regions
for region in ("us-east-1", "local"):
    me = client("sts", region=region).get_caller_identity()
    assert me["Account"] == ACCOUNT and me["Arn"] == f"arn:rampart:iam::{ACCOUNT}:user/admin", me

# Users
user = iam.create_user(UserName="ann", Tags=[{"Key": "team", "Value": "<soc> & 'co'"}])["User"]
assert user["Arn"] == f"arn:rampart:iam::{ACCOUNT}:user/ann" and user["CreateDate"].year >= 2024
refused("EntityAlreadyExists", iam.create_user, UserName="ann")
refused("ValidationError", iam.create_user, UserName="a/b")
refused("NoSuchEntity", iam.get_user, UserName="nobody")
assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "team", "Value": "<soc> & 'co'"}]
iam.tag_user(UserName="ann", Tags=[{"Key": "floor", "Value": "3"}])
iam.untag_user(UserName="ann", TagKeys=["team"])
assert iam.get_user(UserName="ann")["User"]["Tags"] == [{"Key": "floor", "Value": "3"}]
for number in range(5):
    iam.create_user(UserName=f"user{number}")
names = [u["UserName"] for p in iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}) for u in p["Users"]]
assert names == sorted(["admin", "ann"] + [f"user{n}" for n in range(5)]), names

# Access keys
keys = [iam.create_access_key(UserName="ann")["AccessKey"] for _ in range(2)]
refused("LimitExceeded", iam.create_access_key, UserName="ann")
iam.update_access_key(UserName="ann", AccessKeyId=keys[1]["AccessKeyId"], Status="Inactive")
listed = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
assert {k["AccessKeyId"]: k["Status"] for k in listed} == {
    keys[0]["AccessKeyId"]: "Active",
    keys[1]["AccessKeyId"]: "Inactive",
}
ann = client("iam", keys[0]["AccessKeyId"], keys[0]["SecretAccessKey"])
refused("AccessDenied", ann.list_users)
used = iam.get_access_key_last_used(AccessKeyId=keys[0]["AccessKeyId"])
assert used["UserName"] == "ann" and used["AccessKeyLastUsed"]["LastUsedDate"].year >= 2024, used
never = iam.get_access_key_last_used(AccessKeyId=keys[1]["AccessKeyId"])["AccessKeyLastUsed"]
assert "LastUsedDate" not in never, never
refused("NoSuchEntity", iam.get_access_key_last_used, AccessKeyId="AKIANEVERMADE0000000")
disabled = client("sts", keys[1]["AccessKeyId"], keys[1]["SecretAccessKey"])
refused("SignatureDoesNotMatch", disabled.get_caller_identity)
refused("SignatureDoesNotMatch", client("sts", value="wrong").get_caller_identity)
iam.delete_access_key(UserName="ann", AccessKeyId=keys[1]["AccessKeyId"])

# Policies and their versions
document = policy(allow("iam:ListUsers"))
arn = iam.create_policy(PolicyName="lister", PolicyDocument=document, Description="lists")["Policy"]["Arn"]
error = refused("MalformedPolicyDocument", iam.create_policy, PolicyName="bad", PolicyDocument='{"Version":"2012-10-17",}')
assert "line 1, column 25" in str(error), error
iam.attach_user_policy(UserName="ann", PolicyArn=arn)
assert [p["PolicyName"] for p in iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]] == ["lister"]
assert len(ann.list_users()["Users"]) == 7
refused("AccessDenied", ann.get_user, UserName="ann")
iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("iam:GetUser")), SetAsDefault=True)
assert [(v["VersionId"], v["IsDefaultVersion"]) for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
    ("v2", True),
    ("v1", False),
]
assert ann.get_user()["User"]["UserName"] == "ann"
refused("AccessDenied", ann.list_users)
iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == json.loads(document)
refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
refused("DeleteConflict", iam.delete_user, UserName="ann")
scopes = {s: [p["PolicyName"] for p in iam.list_policies(Scope=s)["Policies"]] for s in ("AWS", "Local")}
assert "Administrator" in scopes["AWS"] and scopes["Local"] == ["lister"], scopes

# Inline policies, groups, boundaries
iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
assert iam.list_user_policies(UserName="ann")["PolicyNames"] == ["own"]
assert iam.get_user_policy(UserName="ann", PolicyName="own")["PolicyDocument"] == json.loads(document)
iam.delete_user_policy(UserName="ann", PolicyName="own")
iam.create_group(GroupName="readers")
iam.add_user_to_group(GroupName="readers", UserName="ann")
assert [u["UserName"] for u in iam.get_group(GroupName="readers")["Users"]] == ["ann"]
assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["readers"]
iam.put_group_policy(GroupName="readers", PolicyName="groups", PolicyDocument=policy(allow("iam:List*")))
assert len(ann.list_groups()["Groups"]) == 1
iam.attach_group_policy(GroupName="readers", PolicyArn=arn)
assert [p["PolicyArn"] for p in iam.list_attached_group_policies(GroupName="readers")["AttachedPolicies"]] == [arn]
iam.detach_group_policy(GroupName="readers", PolicyArn=arn)
refused("NoSuchEntity", iam.detach_group_policy, GroupName="readers", PolicyArn=arn)
iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=arn)
refused("AccessDenied", ann.list_groups)
assert len(ann.list_users()["Users"]) == 7
iam.delete_user_permissions_boundary(UserName="ann")
assert len(ann.list_groups()["Groups"]) == 1

# Roles: trust, external id, session policy, sessions
trust = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": f"arn:rampart:iam::{ACCOUNT}:user/ann"},
    "Condition": {"StringEquals": {"sts:ExternalId": "x-1"}},
}
role = iam.create_role(RoleName="auditor", AssumeRolePolicyDocument=policy(trust), MaxSessionDuration=7200)["Role"]
assert role["AssumeRolePolicyDocument"]["Statement"][0]["Action"] == "sts:AssumeRole"
iam.tag_role(RoleName="auditor", Tags=[{"Key": "team", "Value": "soc"}, {"Key": "floor", "Value": "3"}])
iam.untag_role(RoleName="auditor", TagKeys=["floor"])
assert iam.list_role_tags(RoleName="auditor")["Tags"] == [{"Key": "team", "Value": "soc"}]
iam.attach_role_policy(RoleName="auditor", PolicyArn=arn)
assert [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="auditor")["AttachedPolicies"]] == [arn]
iam.put_role_permissions_boundary(RoleName="auditor", PermissionsBoundary=arn)
assert iam.get_role(RoleName="auditor")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
iam.delete_role_permissions_boundary(RoleName="auditor")
iam.detach_role_policy(RoleName="auditor", PolicyArn=arn)
other = policy({**trust, "Condition": {"StringEquals": {"sts:ExternalId": "y-2"}}})
iam.update_assume_role_policy(RoleName="auditor", PolicyDocument=other)
document_now = iam.get_role(RoleName="auditor")["Role"]["AssumeRolePolicyDocument"]
assert document_now["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] == "y-2", document_now
refused("MalformedPolicyDocument", iam.update_assume_role_policy, RoleName="auditor", PolicyDocument="{}")
iam.update_assume_role_policy(RoleName="auditor", PolicyDocument=policy(trust))
iam.put_role_policy(RoleName="auditor", PolicyName="all", PolicyDocument=policy(allow("iam:List*")))
ann_sts = client("sts", keys[0]["AccessKeyId"], keys[0]["SecretAccessKey"])
assume = {"RoleArn": role["Arn"], "RoleSessionName": "audit-1"}
refused("AccessDenied", ann_sts.assume_role, **assume)
refused("AccessDenied", sts.assume_role, **assume, ExternalId="x-1")
refused("AccessDenied", ann_sts.assume_role, RoleArn=role["Arn"] + "x", RoleSessionName="audit-1")
assumed = ann_sts.assume_role(**assume, ExternalId="x-1")
assert assumed["AssumedRoleUser"]["Arn"] == f"arn:rampart:sts::{ACCOUNT}:assumed-role/auditor/audit-1"


def session(credentials, service="iam"):
    return client(service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


as_role = session(assumed["Credentials"])
assert len(as_role.list_roles()["Roles"]) == 2
refused("AccessDenied", as_role.get_role, RoleName="auditor")
assert session(assumed["Credentials"], "sts").get_caller_identity()["Arn"] == assumed["AssumedRoleUser"]["Arn"]
narrow = ann_sts.assume_role(**assume, ExternalId="x-1", Policy=policy(allow("iam:ListUsers")))["Credentials"]
assert len(session(narrow).list_users()["Users"]) == 7
refused("AccessDenied", session(narrow).list_roles)
mixed = dict(assumed["Credentials"], SessionToken=narrow["SessionToken"])
refused("SignatureDoesNotMatch", session(mixed).list_roles)
temporary = ann_sts.get_session_token(DurationSeconds=900)["Credentials"]
assert len(session(temporary).list_users()["Users"]) == 7
iam.delete_role_policy(RoleName="auditor", PolicyName="all")
refused("AccessDenied", as_role.list_roles)
iam.delete_role(RoleName="auditor")
refused("ExpiredToken", session(assumed["Credentials"], "sts").get_caller_identity)

# Simulations, with places in the text
text = '{"Version": "2012-10-17", "Statement": [\n  {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},\n  {"Effect": "Deny", "Action": "iam:DeleteUser", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]}'
simulate = {"PolicyInputList": [text], "ActionNames": ["iam:GetUser", "iam:DeleteUser", "sts:AssumeRole"]}
results = iam.simulate_custom_policy(**simulate)["EvaluationResults"]
assert [r["EvalDecision"] for r in results] == ["allowed", "allowed", "implicitDeny"], results
assert results[0]["MatchedStatements"][0]["StartPosition"] == {"Line": 2, "Column": 3}
assert results[0]["MatchedStatements"][0]["EndPosition"] == {"Line": 2, "Column": 58}
assert results[1]["MissingContextValues"] == ["aws:MultiFactorAuthPresent"]
entry = {"ContextKeyName": "aws:MultiFactorAuthPresent", "ContextKeyType": "boolean", "ContextKeyValues": ["false"]}
denied = iam.simulate_custom_policy(**simulate, ContextEntries=[entry])["EvaluationResults"][1]
assert denied["EvalDecision"] == "explicitDeny" and denied["MatchedStatements"][0]["StartPosition"]["Line"] == 3
bounded = iam.simulate_custom_policy(**simulate, PermissionsBoundaryPolicyInputList=[policy(allow("iam:Get*"))])
details = [r["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for r in bounded["EvaluationResults"]]
assert details == [True, False, False], details
of_ann = iam.simulate_principal_policy(
    PolicySourceArn=user["Arn"], ActionNames=["iam:ListUsers", "iam:GetUser"], ResourceArns=["*"]
)["EvaluationResults"]
assert [r["EvalDecision"] for r in of_ann] == ["allowed", "implicitDeny"], of_ann
assert iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"] == ["aws:MultiFactorAuthPresent"]

iam.put_user_policy(UserName="ann", PolicyName="night", PolicyDocument=text)
names_of_keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=user["Arn"])["ContextKeyNames"]
assert names_of_keys == ["aws:MultiFactorAuthPresent"], names_of_keys
placed = iam.simulate_principal_policy(PolicySourceArn=user["Arn"], ActionNames=["iam:GetUser"])["EvaluationResults"][0]
assert placed["EvalDecision"] == "allowed" and placed["MatchedStatements"][0]["StartPosition"]["Line"] == 2, placed
iam.delete_user_policy(UserName="ann", PolicyName="night")

# Everything at once, and away with it
details = iam.get_account_authorization_details()
assert {u["UserName"] for u in details["UserDetailList"]} == set(names)
assert details["GroupDetailList"][0]["GroupPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == "iam:List*"
iam.remove_user_from_group(GroupName="readers", UserName="ann")
iam.delete_group_policy(GroupName="readers", PolicyName="groups")
iam.delete_group(GroupName="readers")
iam.detach_user_policy(UserName="ann", PolicyArn=arn)
iam.delete_access_key(UserName="ann", AccessKeyId=keys[0]["AccessKeyId"])
iam.delete_user(UserName="ann")
iam.delete_policy(PolicyArn=arn)
refused("UnmodifiableEntity", iam.delete_role, RoleName="playbook-runner")
refused("InvalidAction", iam.list_mfa_devices)
print("done")
