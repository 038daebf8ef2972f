"""Amazon's services. Credentials, region and endpoint come from the environment, as boto3 reads them."""

from functools import cache
from typing import Any


@cache
def client(service: str, region: str | None = None) -> Any:
    """The service's client, made when it is first needed: patient with a busy service. Raises botocore's errors."""
    # Imported on use: it takes as long to load as Django.
    import boto3
    from botocore.config import Config

    # Reading takes longer than SQS is told to wait for a message.
    patient = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, region_name=region, config=patient)
