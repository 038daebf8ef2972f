"""Simulated AWS services: moto's server on a free loopback port, which boto3 finds by environment variables."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from faces import aws

REGION = "us-west-2"


class Moto:
    """A running server. Its resources stay until `reset`."""

    def __init__(self, address: str) -> None:
        self.address = address

    def reset(self) -> None:
        urlopen(Request(f"{self.address}/moto-api/reset", method="POST")).close()


@contextmanager
def moto() -> Iterator[Moto]:
    """Run the server, for this process and its child processes, until the block ends."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        aws.client.cache_clear()
        yield Moto(f"http://{host}:{port}")
    aws.client.cache_clear()
    server.stop()
