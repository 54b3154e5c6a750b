"""The flow, spelled once."""
