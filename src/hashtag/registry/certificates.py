"""Certificates: whom a TLS connection trusts."""

from __future__ import annotations

import os.path
import ssl
from collections.abc import Mapping
from pathlib import Path

from hashtag.errors import ConfigError, RegistryUnreachable

_TRUST = "trust its CA: --ca-cert FILE, HASHTAG_CA_CERT (a file or PEM text), or SSL_CERT_FILE"
_CLOCK = "it has to be renewed, or this machine's clock is wrong"
_NAME = "use a name that stands in the certificate, or have the name added"
# OpenSSL, x509_vfy.h: not yet valid, expired, another host's name, another address.
_CURES = {9: _CLOCK, 10: _CLOCK, 62: _NAME, 64: _NAME}
# RFC 8446, 6.2: alerts by which a server says that it wants another client, or another TLS.
_REFUSALS = (
    *("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED"),
    *("ALERT_HANDSHAKE_FAILURE", "ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"),
)
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


def tls_failure(error: BaseException, where: str) -> RegistryUnreachable | None:
    """
    Return the error for a TLS connection that one of both sides did not want; None for another failure.

    Args:
        error: A cause of what went wrong.
        where: The URL of the host, without a path.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or str(error)
        hint = _CURES.get(getattr(error, "verify_code", 0), _TRUST)
        return RegistryUnreachable(f"its certificate is not trusted: {why}", where=where, hint=hint)
    reason = str(getattr(error, "reason", "")) if isinstance(error, ssl.SSLError) else ""
    if not any(word in reason for word in _REFUSALS):
        return None
    host = where.partition("://")[2]
    return RegistryUnreachable(
        f"it refuses the TLS connection: {reason.replace('_', ' ').lower()}",
        where=where,
        hint=f"if it wants to know who we are: ~/.config/containers/certs.d/{host}/NAME.cert and NAME.key",
    )


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
            context.load_cert_chain(path, path.with_suffix(".key"), password=_no_password)
        except _Locked as error:
            raise ConfigError("the key has a password, and nobody to ask", where=str(path)) from error
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"the client certificate cannot be used: {error}", where=str(path)) from error


class _Locked(Exception):
    """A key has a password."""


def _no_password() -> str:
    raise _Locked  # OpenSSL would ask at the terminal


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
