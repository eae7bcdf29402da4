"""The work: scan, upload, verify, survey. Prints nothing."""
