"""Clients that the project has not written, which the simulator must satisfy."""
