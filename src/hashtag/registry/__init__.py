"""LOOK UP: the only package that speaks HTTP; also the OCI layout folder."""
