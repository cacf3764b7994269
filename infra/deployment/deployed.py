"""What a stack has, as the services themselves tell it; by the same names that CloudFormation gives the settings."""

import json


class Deployed:
    def __init__(self, emulator):
        self.lambda_ = emulator.client("lambda")
        self.dynamodb = emulator.client("dynamodb")
        self.kinesis = emulator.client("kinesis")
        self.logs = emulator.client("logs")
        self.sqs = emulator.client("sqs")
        self.scheduler = emulator.client("scheduler")
        self.iam = emulator.client("iam")
        self.cloudwatch = emulator.client("cloudwatch")
        self.of = {
            "AWS::Lambda::EventSourceMapping": self.mapping,
            "AWS::Lambda::Function": self.function,
            "AWS::Lambda::EventInvokeConfig": self.invoke_config,
            "AWS::Lambda::Url": self.function_url,
            "AWS::DynamoDB::Table": self.table,
            "AWS::Kinesis::Stream": self.stream,
            "AWS::Logs::LogGroup": self.log_group,
            "AWS::SQS::Queue": self.queue,
            "AWS::Scheduler::Schedule": self.schedule,
            "AWS::IAM::Role": self.role,
            "AWS::IAM::ManagedPolicy": self.policy,
            "AWS::CloudWatch::Alarm": self.alarm,
        }

    def arn_of(self, kind, name, attribute):
        """The ARN of a resource, or of its stream."""
        if kind == "AWS::DynamoDB::Table":
            table = self.dynamodb.describe_table(TableName=name)["Table"]
            return table["LatestStreamArn" if attribute == "StreamArn" else "TableArn"]
        if kind == "AWS::Lambda::Function":
            return self.lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
        if kind == "AWS::Kinesis::Stream":
            return self.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        if kind == "AWS::SQS::Queue":
            return self.sqs.get_queue_attributes(QueueUrl=name, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if kind == "AWS::IAM::Role":
            return self.iam.get_role(RoleName=name)["Role"]["Arn"]
        if kind == "AWS::Logs::LogGroup":
            found = self.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            return next(group["arn"] for group in found if group["logGroupName"] == name)
        raise KeyError(f"{kind} {name} {attribute}")

    def mapping(self, name):
        found = self.lambda_.get_event_source_mapping(UUID=name)
        return {**found, "FunctionName": found["FunctionArn"]}

    def function(self, name):
        found = self.lambda_.get_function(FunctionName=name)["Configuration"]
        concurrency = self.lambda_.get_function_concurrency(FunctionName=name)
        return {**found, "ReservedConcurrentExecutions": concurrency.get("ReservedConcurrentExecutions")}

    def invoke_config(self, name):
        """CloudFormation names it after its function, with the qualifier after a bar."""
        found = self.lambda_.get_function_event_invoke_config(FunctionName=name.partition("|")[0])
        arn, _, qualifier = found["FunctionArn"].partition(":$")
        return {**found, "FunctionName": arn, "Qualifier": f"${qualifier or 'LATEST'}"}

    def function_url(self, name):
        """CloudFormation names it after its function."""
        found = self.lambda_.get_function_url_config(FunctionName=name)
        return {**found, "TargetFunctionArn": found["FunctionArn"].rpartition(":")[2]}

    def table(self, name):
        found = self.dynamodb.describe_table(TableName=name)["Table"]
        lives = self.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        backups = self.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        indexes = [{key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
                   for index in found["GlobalSecondaryIndexes"]]
        return {
            **found,
            "BillingMode": found["BillingModeSummary"]["BillingMode"],
            "GlobalSecondaryIndexes": indexes,
            "StreamSpecification": {"StreamViewType": found["StreamSpecification"]["StreamViewType"]},
            "TimeToLiveSpecification": {"AttributeName": lives.get("AttributeName"),
                                        "Enabled": lives["TimeToLiveStatus"] in ("ENABLED", "ENABLING")},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovery == "ENABLED"},
            "SSESpecification": {"SSEEnabled": found.get("SSEDescription", {}).get("Status") == "ENABLED"},
        }

    def stream(self, name):
        found = self.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return {
            **found,
            "ShardCount": found["OpenShardCount"],
            "StreamEncryption": {"EncryptionType": found.get("EncryptionType", "NONE"), "KeyId": found.get("KeyId")},
        }

    def log_group(self, name):
        found = self.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        group = next(group for group in found if group["logGroupName"] == name)
        return {"RetentionInDays": group.get("retentionInDays"), "KmsKeyId": group.get("kmsKeyId")}

    def queue(self, url):
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def schedule(self, name):
        return self.scheduler.get_schedule(Name=name.rsplit("/", 1)[-1])

    def role(self, name):
        names = self.iam.list_role_policies(RoleName=name)["PolicyNames"]
        documents = [self.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names]
        attached = self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        role = self.iam.get_role(RoleName=name)["Role"]
        return {
            "Path": role["Path"],
            "PermissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "Policies": [{"PolicyName": policy, "PolicyDocument": document} for policy, document in zip(names, documents)],
            "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
            "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"],
        }

    def policy(self, arn):
        policy = self.iam.get_policy(PolicyArn=arn)["Policy"]
        version = self.iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        return {"Path": policy["Path"], "PolicyDocument": version["Document"]}

    def alarm(self, name):
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def plain(value):
    """Numbers and flags as text, as a queue's attributes have them; a document in text as what it says; a list of objects in
    order."""
    if isinstance(value, str) and value[:1] in "{[":
        return plain(json.loads(value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return sorted(items, key=str) if all(isinstance(item, dict) for item in items) else items
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
