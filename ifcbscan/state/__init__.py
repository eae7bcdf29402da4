"""What this computer knows of its runs: where it lies, who is at work, how the last ones ended."""
