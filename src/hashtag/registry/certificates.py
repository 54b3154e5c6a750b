"""Certificates: whom a TLS connection trusts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path

from hashtag.errors import ConfigError


def tls_context(ca: Path | str | None, environ: Mapping[str, str]) -> ssl.SSLContext:
    """
    Return what trusts the system's certificates, or SSL_CERT_FILE's, and those of `ca`.

    Args:
        ca: A file, or PEM text.
        environ: For SSL_CERT_FILE and SSL_CERT_DIR.

    Raises:
        ConfigError: `ca` or SSL_CERT_FILE cannot be read, or holds no certificate.
    """
    context = _system_context(environ)
    if ca is not None:
        _add(context, ca)
    return context


def has_certificates(paths: ssl.DefaultVerifyPaths) -> bool:
    """Return whether a system keeps certificates where OpenSSL looks for them."""
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def bundled_context() -> ssl.SSLContext:
    """Return what trusts the certificates that come with httpx: for slim images without any."""
    import certifi

    return ssl.create_default_context(cadata=certifi.contents())


def _system_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if not (file or folder):
        return (
            ssl.create_default_context()
            if has_certificates(ssl.get_default_verify_paths())
            else bundled_context()
        )
    try:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}") from error


def _add(context: ssl.SSLContext, ca: Path | str) -> None:
    # Throw-away authorities are often made without the extensions that Python 3.13 asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if isinstance(ca, str) and "-----BEGIN" in ca:
            context.load_verify_locations(cadata=ca)
        else:
            context.load_verify_locations(cafile=str(ca))
    except (OSError, ssl.SSLError, ValueError) as error:
        where = "" if "-----BEGIN" in str(ca) else str(ca)
        raise ConfigError(
            f"the CA certificate cannot be used: {error}", where=where, hint="give a file or text in PEM form"
        ) from error
