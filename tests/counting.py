"""How much work a function does: counted in calls, which are the same however loaded the machine is."""

import cProfile
import pstats
import re


def calls(work, *arguments):
    """Return how many calls *work* makes."""
    re.purge()  # a pattern that is in its cache takes fewer
    profile = cProfile.Profile()
    profile.runcall(work, *arguments)
    return pstats.Stats(profile).total_calls
