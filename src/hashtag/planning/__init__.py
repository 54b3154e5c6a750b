"""DECIDE: what to do about each image, and what to change in the registry. Pure."""
