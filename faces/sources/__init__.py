"""Pictures that come from S3 and from watched folders."""
