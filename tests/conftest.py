"""For all tests: properties have no deadline of their own; pytest's time-out is enough, and a busy machine is no fault."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
