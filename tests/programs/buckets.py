"""A real S3 server (moto's), with a bucket for the platform's pictures."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from config.settings import S3_STORAGE
from tests.programs.waiting import PATIENCE_S

BUCKET = "pictures"


@contextmanager
def pictures_on_s3(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the platform store its pictures in S3, with a deployment's options, until the block ends.

    Yields an S3 client.
    """
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    options = {**S3_STORAGE["OPTIONS"], "bucket_name": BUCKET, "endpoint_url": endpoint}
    settings.STORAGES = settings.STORAGES | {"default": {**S3_STORAGE, "OPTIONS": options}}
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)
    try:
        yield client
    finally:
        # All moto servers of this process share their buckets.
        urllib.request.urlopen(f"{endpoint}/moto-api/reset", b"", timeout=PATIENCE_S).close()
        server.stop()
