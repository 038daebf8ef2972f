"""The method of the first cameras' tutorial: each record is an S3 object, and a loop reads a data frame of all records.

The S3 server is moto's on this machine, so each download is a real HTTP request without real network latency.
"""

import json
import logging
import time
from typing import Any

import boto3
import pandas
from moto.server import ThreadedMotoServer
from tqdm import tqdm

from benchmarks.data.analytics_data import DAYS, SECONDS, frames

BUCKET = "records"


def seconds_of(records: int) -> float:
    """Return the seconds for downloading this many records and computing their hourly averages."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        s3 = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
        )
        _upload(s3, records)
        began = time.perf_counter()
        _averages(_download(s3))
        return time.perf_counter() - began
    finally:
        server.stop()


def _upload(s3: Any, records: int) -> None:
    s3.create_bucket(Bucket=BUCKET)
    every = SECONDS / records
    said = ((day, *frame) for day in range(DAYS) for frame in frames(day, every))
    for number, (day, at, faces, thumb) in enumerate(tqdm(said, desc="records", total=records, disable=None)):
        record = {"timestamp": day * 86_400 + at, "faces": faces, "thumbs-up": thumb}
        s3.put_object(Bucket=BUCKET, Key=f"{number:09}.json", Body=json.dumps(record).encode())


def _download(s3: Any) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in tqdm(keys, disable=None)]


def _averages(records: list[dict[str, Any]]) -> dict[int, float]:
    sums: dict[int, list[int]] = {}
    for _, row in pandas.DataFrame(records).iterrows():
        total = sums.setdefault(int(row["timestamp"] // 3600), [0, 0])
        total[0] += int(row["faces"])
        total[1] += 1
    return {hour: faces / number for hour, (faces, number) in sums.items()}
