"""The local tree: walk it, look again, open a file. Changes nothing."""
