"""A scripted SageMaker on a loopback port.

Each request is checked against botocore's shapes with their patterns and limits, and so is each answer. The states of
jobs and endpoints follow a script, one state for each time that they are described. Roles, buckets and channels are
checked as the service checks them.
"""

import functools
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.session
import pytest

from faces import aws

ROLE, BUCKET = "arn:aws:iam::123456789012:role/headcount-training", "training-data"

SERVICE = botocore.session.get_session().get_service_model("sagemaker")

TRAINED = [("InProgress", "Starting"), ("InProgress", "Training"), ("Completed", "Completed")]

NUMBERS: dict[str, Any] = {
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def violations(shape: Any, value: Any, at: str = "") -> Iterator[str]:
    """Yield what is wrong with a value of a request or an answer, by botocore's description of it."""
    limits = shape.metadata
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            yield f"{at} is no structure"
            return
        yield from (f"{at}.{name} is missing" for name in shape.required_members if name not in value)
        yield from (f"{at}.{name} is unknown" for name in value if name not in shape.members)
        for name, each in value.items():
            if name in shape.members:
                yield from violations(shape.members[name], each, f"{at}.{name}")
    elif shape.type_name == "list":
        yield from _outside(limits, len(value), at)
        for number, each in enumerate(value):
            yield from violations(shape.member, each, f"{at}[{number}]")
    elif shape.type_name == "map":
        yield from _outside(limits, len(value), at)
        for name, each in value.items():
            yield from violations(shape.key, name, f"{at} key")
            yield from violations(shape.value, each, f"{at}[{name}]")
    elif shape.type_name == "string":
        if not isinstance(value, str):
            yield f"{at} is no text"
            return
        yield from _outside(limits, len(value), at)
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{at} is none of the known values: {value}"
        if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
            yield f"{at} does not match {limits['pattern']}: {value}"
    elif shape.type_name in NUMBERS:
        if not isinstance(value, NUMBERS[shape.type_name]) or isinstance(value, bool):
            yield f"{at} is no number"
            return
        yield from _outside(limits, value, at)


def _outside(limits: Mapping[str, Any], size: float, at: str) -> Iterator[str]:
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{at} is outside its limits: {size}"


class Refusal(Exception):
    """The service answers with an error."""

    def __init__(self, message: str, code: str = "ValidationException", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status


class Scripted:
    """The service's state, and how its jobs and endpoints go on."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.jobs_go: list[tuple[str, str]] = list(TRAINED)
        self.endpoints_go = ["Creating", "InService"]
        self.failure = "AlgorithmError: the learning rate is too high"
        self.refuse_next: dict[str, list[Refusal]] = {}
        self.judge: Callable[[bytes], list[list[float]]] = lambda jpeg: []
        self.asked: list[str] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.models: dict[str, Any] = {}
        self.configurations: dict[str, Any] = {}
        self.endpoints: dict[str, list[str]] = {}

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(operation)
        model = SERVICE.operation_model(operation)
        if wrong := list(violations(model.input_shape, request, operation)):
            raise Refusal(f"{len(wrong)} validation errors detected: {'; '.join(wrong)}")
        if waiting := self.refuse_next.get(operation):
            raise waiting.pop(0)
        answer = dict(getattr(self, f"_{re.sub('(?<!^)(?=[A-Z])', '_', operation).lower()}")(**request))
        if model.output_shape is not None:
            wrong = list(violations(model.output_shape, answer, operation))
            assert not wrong, wrong
        return answer

    def _create_training_job(self, **request: Any) -> dict[str, Any]:
        name = request["TrainingJobName"]
        if name in self.jobs:
            raise Refusal("Training job names must be unique within an AWS account", "ResourceInUse")
        if request["RoleArn"] != ROLE:
            raise Refusal(f"The role {request['RoleArn']} cannot be assumed by SageMaker.")
        for channel in request["InputDataConfig"]:
            place = urlsplit(channel["DataSource"]["S3DataSource"]["S3Uri"])
            if place.netloc != BUCKET or not _objects(place.path[1:]):
                raise Refusal(f"No S3 objects found under S3 URL {place.geturl()} given in input data source.")
        self.jobs[name] = {
            "request": request,
            "script": list(self.jobs_go),
            "now": ("InProgress", "Starting"),
            "objects": {key.removeprefix(f"{name}/"): _content(key) for key in _objects(f"{name}/")},
        }
        return {"TrainingJobArn": _arn("training-job", name)}

    def _describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        job = self.jobs.get(TrainingJobName)
        if job is None:
            raise Refusal("Requested resource not found.")
        if job["script"]:
            job["now"] = job["script"].pop(0)
        status, step = job["now"]
        output = f"{job['request']['OutputDataConfig']['S3OutputPath']}/{TrainingJobName}/output/model.tar.gz"
        answer = {
            "TrainingJobName": TrainingJobName,
            "TrainingJobArn": _arn("training-job", TrainingJobName),
            "ModelArtifacts": {"S3ModelArtifacts": output},
            "TrainingJobStatus": status,
            "SecondaryStatus": step,
            "StoppingCondition": job["request"]["StoppingCondition"],
            "CreationTime": 1.0,
            "TrainingTimeInSeconds": 700,
        }
        if status == "Failed":
            answer["FailureReason"] = self.failure
        if status in ("Completed", "Failed", "Stopped"):
            answer["BillableTimeInSeconds"] = 720
        if status == "Completed":
            place = urlsplit(output)
            aws.client("s3").put_object(Bucket=place.netloc, Key=place.path[1:], Body=archive())
        return answer

    def _stop_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        job = self.jobs[TrainingJobName]
        if job["now"][0] != "InProgress":
            raise Refusal(f"The job is {job['now'][0]} and cannot be stopped.")
        job["script"] = [("Stopping", "Stopping"), ("Stopped", "Stopped")]
        return {}

    def _create_model(self, **request: Any) -> dict[str, Any]:
        return self._made(self.models, "model", request["ModelName"], request, "ModelArn")

    def _create_endpoint_config(self, **request: Any) -> dict[str, Any]:
        for variant in request["ProductionVariants"]:
            if variant["ModelName"] not in self.models:
                raise Refusal(f'Could not find model "{variant["ModelName"]}".')
        name = request["EndpointConfigName"]
        return self._made(self.configurations, "endpoint-config", name, request, "EndpointConfigArn")

    def _create_endpoint(self, **request: Any) -> dict[str, Any]:
        if request["EndpointConfigName"] not in self.configurations:
            raise Refusal(f'Could not find endpoint configuration "{request["EndpointConfigName"]}".')
        script = list(self.endpoints_go)
        return self._made(self.endpoints, "endpoint", request["EndpointName"], script, "EndpointArn")

    def _made(self, into: dict[str, Any], kind: str, name: str, value: Any, arn: str) -> dict[str, Any]:
        if name in into:
            raise Refusal(f'Cannot create already existing {kind} "{_arn(kind, name)}".')
        into[name] = value
        return {arn: _arn(kind, name)}

    def _describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        script = self.endpoints.get(EndpointName)
        if script is None:
            raise Refusal(f'Could not find endpoint "{EndpointName}".')
        status = script.pop(0) if len(script) > 1 else script[0]
        answer = {
            "EndpointName": EndpointName,
            "EndpointArn": _arn("endpoint", EndpointName),
            "EndpointStatus": status,
            "CreationTime": 1.0,
            "LastModifiedTime": 1.0,
        }
        return answer | ({"FailureReason": "The image could not be pulled."} if status == "Failed" else {})

    def _list_endpoints(self, NameContains: str = "", **_: Any) -> dict[str, Any]:
        rows = [self._describe_endpoint(name) for name in self.endpoints if NameContains in name]
        return {"Endpoints": [{key: row[key] for key in row if key != "FailureReason"} for row in rows]}

    def _delete_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if self.endpoints.get(EndpointName, [""])[0] == "Creating":
            self.endpoints[EndpointName].pop(0)
            raise Refusal("Cannot update in-progress endpoint.")
        return self._removed(self.endpoints, "endpoint", EndpointName)

    def _delete_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return self._removed(self.configurations, "endpoint configuration", EndpointConfigName)

    def _delete_model(self, ModelName: str) -> dict[str, Any]:
        return self._removed(self.models, "model", ModelName)

    def _removed(self, from_: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
        if name not in from_:
            raise Refusal(f'Could not find {kind} "{name}".')
        del from_[name]
        return {}

    def invoke(self, name: str, kind: str, body: bytes) -> bytes:
        self.asked.append("InvokeEndpoint")
        if waiting := self.refuse_next.get("InvokeEndpoint"):
            raise waiting.pop(0)
        if self.endpoints.get(name, [""])[0] != "InService":
            raise Refusal(f"Endpoint {name} of account 123456789012 not found.", "ValidationError")
        if kind != "image/jpeg" or not body.startswith(b"\xff\xd8"):
            raise Refusal("unsupported content type", "ModelError", 424)
        return json.dumps({"prediction": self.judge(body)}).encode()


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:us-west-2:123456789012:{kind}/{name.lower()}"


@functools.cache
def archive() -> bytes:
    """Return what SageMaker's object detection stores."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name in ("model_algo_1-symbol.json", "model_algo_1-0000.params", "hyperparams.json"):
            packed.addfile(tarfile.TarInfo(name))
    return out.getvalue()


def _objects(prefix: str) -> list[str]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def _content(key: str) -> bytes:
    return bytes(aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


@contextmanager
def sagemaker() -> Iterator[Scripted]:
    """Run the service until the block ends; boto3 finds it by environment variables."""
    scripted = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                target = self.headers.get("X-Amz-Target", "")
                if target:
                    content = json.dumps(scripted.answer(target.removeprefix("SageMaker."), json.loads(body))).encode()
                else:
                    name = unquote(self.path.split("/")[2])
                    content = scripted.invoke(name, self.headers.get("Content-Type", ""), body)
                self.send_response(200)
            except Refusal as refusal:
                content = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
                self.send_response(refusal.status)
                self.send_header("x-amzn-ErrorType", refusal.code)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with pytest.MonkeyPatch.context() as environment:
        for service in ("SAGEMAKER", "SAGEMAKER_RUNTIME"):
            environment.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://127.0.0.1:{server.server_port}")
        aws.client.cache_clear()
        yield scripted
    aws.client.cache_clear()
    server.shutdown()
    server.server_close()
    thread.join()
