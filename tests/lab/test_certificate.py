"""The lab's PKI, checked by TLS itself."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from lab.certificate import LOOPBACK, SERVER, Authority, KeyPair
from lab.errors import LabError


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "127.0.0.1") -> dict[str, object]:
    """Shake hands over a socket pair. Returns: the client certificate as the server sees it. Raises what either end raises."""
    near, far = socket.socketpair()
    failures: list[Exception] = []
    seen: dict[str, object] = {}

    def serve() -> None:
        try:
            with server.wrap_socket(near, server_side=True) as end:
                end.recv(1)
                seen.update(end.getpeercert() or {})
        except (OSError, ssl.SSLError) as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with far, client.wrap_socket(far, server_hostname=host) as end:
            end.send(b"x")
    finally:
        thread.join()
        near.close()
    if failures:
        raise failures[0]
    return seen


def serving(authority: Authority, pair: KeyPair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(authority.pair.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def strict(authority: Authority, client: KeyPair) -> ssl.SSLContext:
    context = authority.context(client)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_server_and_client_of_one_authority_trust_each_other(tmp_path: Path) -> None:
    """Both certificates verify under OpenSSL's strict X.509 checks, and the server learns user and groups."""
    authority = Authority(tmp_path, "cluster")
    server = authority.issue("server", hosts=LOOPBACK, uses=[SERVER])
    client = authority.issue("client", common_name="alice", groups=["ml", "ops"])
    seen = handshake(serving(authority, server), strict(authority, client))
    assert seen["subject"] == ((("organizationName", "ml"),), (("organizationName", "ops"),), (("commonName", "alice"),))


def test_a_client_of_the_cluster_is_a_stranger_to_etcd(tmp_path: Path) -> None:
    """Whoever has a certificate for the API server cannot use it to reach etcd behind its back."""
    cluster, etcd = Authority(tmp_path, "cluster"), Authority(tmp_path, "etcd")
    server = etcd.issue("etcd-server", hosts=LOOPBACK, uses=[SERVER])
    stranger = cluster.issue("client")
    context = etcd.context()
    context.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises(OSError, match=r"certificate verify failed|unknown ca|EOF|reset|Broken pipe"):
        handshake(serving(etcd, server), context)


def test_a_server_is_refused_under_another_name(tmp_path: Path) -> None:
    """A serving certificate holds for the loopback names only."""
    authority = Authority(tmp_path, "cluster")
    server = authority.issue("server", hosts=LOOPBACK, uses=[SERVER])
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'elsewhere\.example'"):
        handshake(serving(authority, server), authority.context(authority.issue("client")), host="elsewhere.example")


def test_a_client_certificate_cannot_serve(tmp_path: Path) -> None:
    """A user's certificate does not pass for a server, even if it named the host."""
    authority = Authority(tmp_path, "cluster")
    posing = authority.issue("posing", hosts=LOOPBACK)
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        handshake(serving(authority, posing), authority.context(authority.issue("client")))


def test_issuing_again_keeps_the_certificate_and_new_groups_replace_it(tmp_path: Path) -> None:
    """Repeating a command changes nothing; changed groups do take effect."""
    authority = Authority(tmp_path, "cluster")
    first = authority.issue("alice", groups=["ml"]).certificate.read_bytes()
    assert Authority(tmp_path, "cluster").issue("alice", groups=["ml"]).certificate.read_bytes() == first
    assert authority.issue("alice", groups=["ops"]).certificate.read_bytes() != first


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    """No other user of the machine can read a key."""
    authority = Authority(tmp_path, "cluster")
    for pair in (authority.pair, authority.issue("alice")):
        assert stat.S_IMODE(pair.key.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_no_certificate_can_carry_is_said(tmp_path: Path, name: str) -> None:
    """X.509 bounds a common name to 1-64 characters: a LabError says so instead of a traceback."""
    with pytest.raises(LabError, match="no certificate can be issued"):
        Authority(tmp_path, "cluster").issue("file", common_name=name, groups=["g"])
