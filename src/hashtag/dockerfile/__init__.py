"""The Dockerfile's nouns: a parsed file, its stages and instructions, and variable expansion. Pure."""
