"""The commands, one module each: from a record of options to calls of the other modules, and an exit code.

Every module has `run(arguments, interruption) -> int`. They do not import each other: what two of them share is in cli/.
"""
