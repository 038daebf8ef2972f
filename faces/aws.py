"""Clients of AWS. boto3 reads credentials, region and endpoint from the environment."""

from functools import cache
from typing import Any


@cache
def client(service: str, region: str | None = None, *, attempts: int = 4, read_s: int = 30) -> Any:
    """Return the client of an AWS service; each process makes it once. It retries when the service is busy.

    Raises botocore's errors, for example where no region is set.
    """
    # Imported on use, because boto3 takes as long to load as Django.
    import boto3
    from botocore.config import Config

    # The read timeout must be longer than SQS waits for a message (`s3_ingester.WAIT_S`).
    patient = Config(retries={"mode": "standard", "max_attempts": attempts}, connect_timeout=5, read_timeout=read_s)
    return boto3.client(service, region_name=region, config=patient)
