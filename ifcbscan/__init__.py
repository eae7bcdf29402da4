"""ifcbscan: bring an IFCB's bins from a local disk into the HABON archive, whole and once.

This file holds the version and nothing else, because every start of the program reads it.
"""

__version__ = "0.2.0"
