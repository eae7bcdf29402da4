"""Certificates for servers on this machine, made anew for a test."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class Validity(NamedTuple):
    """From when to when a certificate is valid, in days from now."""

    first: int
    last: int


NOW = Validity(-1, 1)
EXPIRED = Validity(-30, -2)
FUTURE = Validity(2, 30)


def make(folder: Path, validity: Validity = NOW, address: str = "127.0.0.1") -> tuple[str, str]:
    """The files of a certificate for `address` that nobody else has signed, and of its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=validity.first))
        .not_valid_after(now + datetime.timedelta(days=validity.last))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "a.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "a.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return str(folder / "a.crt"), str(folder / "a.key")


def server_side(files: tuple[str, str]) -> ssl.SSLContext:
    """What a server needs to speak https with the certificate and the key in `files`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
