"""The organisation's own root: its owner follows the rendered steps, and OpenSSL judges what comes of it, all through a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest
from trust.authority import ID, Authority, Client, Owner, bundle_of, rendered, spec


@pytest.fixture(scope="module")
def owners(tmp_path_factory: pytest.TempPathFactory) -> tuple[Owner, Owner]:
    """Of the root in use, and of the one that follows."""
    folder = tmp_path_factory.mktemp("owners")
    return Owner.of(folder / "one", "Helix Root 1"), Owner.of(folder / "two", "Helix Root 2")


@pytest.fixture(scope="module")
def signed(owners: tuple[Owner, Owner], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    """The intermediates below the first root."""
    return owners[0].sign(rendered(spec(owners[0].certificate), tmp_path_factory.mktemp("rendered")))


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Somebody who trusts what a segment trusts."""
    return Client(tmp_path)


@pytest.mark.parametrize(
    ("by", "name", "allowed"),
    [
        ("openbao", "DNS:openbao.helix-keys.svc", True),
        ("openbao", "DNS:openbao.helix-keys.svc.cluster.local", True),
        ("openbao", "IP:127.0.0.1", True),
        ("openbao", "DNS:login.helix.example", False),
        ("openbao", "IP:10.0.0.1", False),
        ("openbao", "IP:::1", False),
        ("openbao", ID, False),
        ("spire", ID, True),
        ("spire", "URI:spiffe://partner.example/segment/training/workload/trainer", False),
        ("spire", "URI:spiffe://sub.helix.example/x", False),
        ("spire", "DNS:openbao.helix-keys.svc", False),
        ("spire", "IP:127.0.0.1", False),
        ("webhooks", "DNS:kyverno-svc.kyverno.svc", True),
        ("webhooks", "DNS:kubernetes.default.svc.cluster.local", False),
        ("webhooks", "DNS:helix.example", False),
        ("webhooks", "IP:127.0.0.1", False),
        ("webhooks", ID, False),
    ],
)
def test_an_intermediate_signs_its_own_names_only(
    owners: tuple[Owner, Owner], signed: dict[str, Authority], client: Client, by: str, name: str, allowed: bool
) -> None:
    """Whoever steals its key can be what the intermediate is for, and nobody else: no identity by OpenBao, no server by SPIRE."""
    assert client.trusts(signed[by].sign("leaf", name), bundle_of(spec(owners[0].certificate))) is allowed


def test_an_intermediate_of_webhooks_signs_no_clients(owners: tuple[Owner, Owner], signed: dict[str, Authority], client: Client) -> None:
    """A server's authority that signs client certificates would open doors."""
    bundle = bundle_of(spec(owners[0].certificate))
    leaf = "DNS:kyverno-svc.kyverno.svc"
    assert not client.trusts(signed["webhooks"].sign("leaf", leaf, uses="clientAuth"), bundle, "sslclient")
    assert client.trusts(signed["openbao"].sign("leaf", leaf, uses="clientAuth"), bundle, "sslclient")


def test_only_spire_has_an_authority_below_it(owners: tuple[Owner, Owner], signed: dict[str, Authority], client: Client) -> None:
    """That of a SPIRE server, and none below that."""
    bundle = bundle_of(spec(owners[0].certificate))
    server = signed["spire"].authority("spire-server")
    assert client.trusts(server.sign("leaf", ID), bundle)
    assert not client.trusts(signed["spire"].authority("deep", 1).authority("deeper").sign("leaf", ID), bundle)
    for name, service in (("openbao", "DNS:a.b.svc"), ("webhooks", "DNS:a.b.svc")):
        assert client.trusts(signed[name].sign("leaf", service), bundle)
        assert not client.trusts(signed[name].authority("below").sign("leaf", service), bundle)


def test_a_root_is_rotated_and_nothing_stops(
    owners: tuple[Owner, Owner], signed: dict[str, Authority], client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While both are named each believes what either signed; before and after, one only: what was signed by a root that is gone is over."""
    one, two = owners
    before, during, after = spec(one.certificate), spec(one.certificate, two.certificate), spec(two.certificate)
    renewed = two.sign(rendered(during, tmp_path_factory.mktemp("rendered")))
    names = {"openbao": "DNS:a.b.svc", "spire": ID, "webhooks": "DNS:a.b.svc"}
    for name, service in names.items():
        old, new = signed[name].sign("old", service), renewed[name].sign("new", service)
        trusted = [(client.trusts(old, bundle_of(each)), client.trusts(new, bundle_of(each))) for each in (before, during, after)]
        assert trusted == [(True, False), (True, True), (False, True)], name


def test_an_intermediate_is_rotated_and_nothing_stops(
    owners: tuple[Owner, Owner], signed: dict[str, Authority], client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its chain comes with each certificate, so that clients need not be told: what the old one signed is good until it ends."""
    bundle = bundle_of(spec(owners[0].certificate))
    second = owners[0].sign(rendered(spec(owners[0].certificate), tmp_path_factory.mktemp("rendered")))
    old, new = (each["openbao"].sign("leaf", "DNS:a.b.svc") for each in (signed, second))
    assert client.trusts(old, bundle)
    assert client.trusts(new, bundle)
    leaf_of_old = f"{old.split('-----END CERTIFICATE-----')[0]}-----END CERTIFICATE-----\n"
    assert not client.trusts(leaf_of_old + second["openbao"].chain, bundle), "another intermediate does not vouch for it"
