"""`ifcbscan demo`: ifcbscan with made-up bins and an S3 server on this computer."""
