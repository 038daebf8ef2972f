"""The store of pictures in a bucket. A deleted picture is gone with all its versions."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

PIECE = 1024 * 1024
"""Bytes of a file that are in memory at a time while all files are read."""


class VersionedS3Storage(S3Storage):  # type: ignore[misc]
    """S3 as django-storages has it, in a bucket that may keep versions.

    Needs `s3:ListBucketVersions` and `s3:DeleteObjectVersion` on the bucket beside reading and writing objects.
    """

    def delete(self, name: str) -> None:
        """Delete the object with its versions and delete markers. A missing object is no error.

        Raises botocore's errors if S3 refuses or cannot be reached.
        """
        key = self._key(name)
        for version in self._versions(key):
            if version["Key"] == key:
                self._client.delete_object(Bucket=self.bucket_name, Key=key, VersionId=version["VersionId"])

    def contents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield the name of each version of each object, and its content in pieces of `PIECE` bytes at most.

        A version that is deleted meanwhile is left out.
        """
        for version in self._versions(self._key("")):
            if "ETag" in version:  # a delete marker has no content
                try:
                    found = self._client.get_object(
                        Bucket=self.bucket_name, Key=version["Key"], VersionId=version["VersionId"]
                    )
                except ClientError as error:
                    if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchVersion"):
                        raise
                    continue
                yield version["Key"], found["Body"].iter_chunks(PIECE)

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def _key(self, name: str) -> str:
        return str(self._normalize_name(name)) if name else str(self.location)

    def _versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket_name, Prefix=prefix):
            yield from page.get("Versions", [])
            yield from page.get("DeleteMarkers", [])
