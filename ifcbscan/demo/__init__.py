"""The whole thing against an S3 server on this computer."""
