"""BUILD: the only package that starts builders."""
