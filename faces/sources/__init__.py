"""The intake of pictures from S3 and from watched folders."""
