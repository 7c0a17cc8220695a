"""The program in the pod: source, filter, sink, checkpoint. Imports neither kopf nor kubernetes nor pydantic."""
