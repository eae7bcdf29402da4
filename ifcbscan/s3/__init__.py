"""Speaking to the bucket: list, head, put, get; the only user of botocore and tenacity."""
