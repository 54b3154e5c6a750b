"""Decide by content which container images a pipeline has to build, and alias the rest."""

__version__ = "0.1.0"
