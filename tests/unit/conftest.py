"""Settings of Hypothesis for the unit tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: on a busy machine a slow example says nothing. The blob repeats a failure anywhere.
settings.register_profile("ifcbscan", deadline=None, print_blob=True)
settings.load_profile("ifcbscan")
