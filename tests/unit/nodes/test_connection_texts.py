import errno
import socket
import ssl

import aiohttp
from aiohttp.client_reqrep import ConnectionKey

from penstock.nodes.http.connection import connection_text

SHOP = ConnectionKey("shop.example", 443, True, True, None, None, None)


def refusal(text: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {text} (_ssl.c:1)")
    error.verify_message = text
    return error


def test_a_name_that_nobody_knows_is_named():
    cause = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    text = connection_text(aiohttp.ClientConnectorDNSError(SHOP, cause))
    assert text == "cannot resolve shop.example: Name or service not known"


def test_a_certificate_is_not_accepted_for_a_reason():
    error = aiohttp.ClientConnectorCertificateError(SHOP, refusal("certificate has expired"))
    assert connection_text(error) == (
        "TLS: certificate of shop.example:443 is not accepted: certificate has expired"
    )


def test_a_server_without_tls_is_told_in_words():
    cause = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)")
    cause.reason = "WRONG_VERSION_NUMBER"
    text = connection_text(aiohttp.ClientConnectorSSLError(SHOP, cause))
    assert text == "TLS: no secure connection to shop.example:443: wrong version number"


def test_what_the_system_says_is_kept():
    cause = OSError(errno.ECONNREFUSED, "Connect call failed")
    text = connection_text(aiohttp.ClientConnectorError(SHOP, cause))
    assert text == "cannot connect to shop.example:443: Connection refused"
