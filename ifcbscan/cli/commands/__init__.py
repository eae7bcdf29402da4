"""The commands, one module each: from options to calls of the other modules, and an exit code.

Every module has `run(options, interruption) -> int`. `cli` imports only the one that is asked for,
because the every-minute scan must start quickly.
"""
