"""Certificates: whom a TLS connection trusts."""

from __future__ import annotations

import os.path
import ssl
from collections.abc import Mapping
from pathlib import Path

from hashtag.errors import ConfigError

# containers-certs.d(5), and Docker's «Verify repository client with certificates».
_FOLDERS = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


def tls_context(
    ca: Path | str | None, environ: Mapping[str, str], folder: Path | None = None
) -> ssl.SSLContext:
    """
    Return what trusts the system's certificates, or SSL_CERT_FILE's, and those of `ca`.

    Args:
        ca: A file, or PEM text.
        environ: For SSL_CERT_FILE, SSL_CERT_DIR, and HASHTAG_CA_CERT, which is a file or PEM text, too.
        folder: A host's own, of `certs.d`: `*.crt` are trusted, `x.cert` with `x.key` says who we are.

    Raises:
        ConfigError: One of them cannot be read, or holds no certificate.
    """
    context = _system_context(environ)
    for each in (ca, environ.get("HASHTAG_CA_CERT") or None):
        if each is not None:
            _add(context, each)
    if folder is not None:
        _add_folder(context, folder)
    return context


def certificates_folder(host: str, environ: Mapping[str, str]) -> Path | None:
    """Return the folder with certificates for one `host[:port]`: the user's, then the machine's."""
    home = environ.get("HOME")
    configured = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    users = (Path(configured) / "containers" / "certs.d",) if configured else ()
    folders = (folder / host for folder in (*users, *_FOLDERS))
    # os.path, as what may not be looked at is not there.
    return next((folder for folder in folders if os.path.isdir(folder)), None)  # noqa: PTH112


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


def _add_folder(context: ssl.SSLContext, folder: Path) -> None:
    for path in sorted(folder.glob("*.crt")):
        _add(context, path)
    for path in sorted(folder.glob("*.cert")):
        try:
            context.load_cert_chain(path, path.with_suffix(".key"))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the client certificate cannot be used: {error}", where=str(path)) from error


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
