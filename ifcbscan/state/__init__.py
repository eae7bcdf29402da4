"""What this computer keeps of its runs: who is at work (locks), how the last ones ended, what was logged (records)."""
