"""Carries out changes through the ports."""
