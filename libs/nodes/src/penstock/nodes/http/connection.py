"""Why a connection did not come about, in plain words."""

import os
import ssl

import aiohttp


def connection_text(error: aiohttp.ClientConnectorError) -> str:
    """What went wrong, with the name or address that it went wrong with."""
    place = f"{error.host}:{error.port}"
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    match cause:
        case ssl.SSLCertVerificationError():
            return f"TLS: certificate of {place} is not accepted: {_certificate_text(cause)}"
        case ssl.CertificateError():
            return f"TLS: certificate of {place} is not accepted: {cause}"
        case ssl.SSLError():
            return f"TLS: no secure connection to {place}: {_tls_text(cause)}"
        case OSError() if isinstance(error, aiohttp.ClientConnectorDNSError):
            why = f": {cause.strerror}" if cause.strerror else ""
            return f"cannot resolve {error.host}{why}"
        case OSError(errno=int(number)) if number > 0:
            return f"cannot connect to {place}: {os.strerror(number)}"
        case _:
            return f"cannot connect to {place}: {cause}"


def _certificate_text(error: ssl.SSLCertVerificationError) -> str:
    return str(getattr(error, "verify_message", "")) or _tls_text(error)


def _tls_text(error: ssl.SSLError) -> str:
    """OpenSSL's reason; of a server without TLS it is `wrong version number`."""
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error)
