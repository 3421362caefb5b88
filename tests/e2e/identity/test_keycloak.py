"""People at a real Keycloak, in front of a real API server, both on the plan's own files: what they get, and what refuses them.

Two realms of one Keycloak, as rendered; the only additions are people, with passwords and one-time codes made here. WebAuthn ends where
a browser would ask for the key.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import yaml
from browser import Browser, Page, claims, one_time_code
from deployed import Deployed, deploy_on, own_lab, wait_until
from test_grant import agreed, request

from factory.load import load_object
from factory.plan import names, plan_factory
from factory.plan.grant import CLEANER
from factory.plan.keycloak import config_name
from factory.plan.realm import realm_file
from factory.render import render
from factory.spec import KeycloakProvider
from lab import Lab

PASSWORD = secrets.token_urlsafe(24)
NOW = int(time.time())
MANAGED = {"device_managed": "true", "risk": "10"}


@dataclass(frozen=True)
class Person:
    """Somebody whom a realm knows. `code` is whether they have a one-time code."""

    name: str
    groups: tuple[str, ...] = ("ml",)
    attributes: dict[str, str] = field(default_factory=lambda: dict(MANAGED))
    code: bool = True
    secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def represented(self) -> dict[str, Any]:
        """As Keycloak imports it."""
        held: list[dict[str, str]] = [{"type": "password", "value": PASSWORD}]
        if self.code:
            form = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
            held.append({"type": "otp", "secretData": json.dumps({"value": self.secret}), "credentialData": json.dumps(form)})
        return {
            "username": self.name,
            "enabled": True,
            "groups": list(self.groups),
            "attributes": {claim: [value] for claim, value in self.attributes.items()},
            "credentials": held,
        }


LEASED = {"contract_end": str(NOW + 86_400), "device_managed": "true"}
PEOPLE: dict[str, list[Person]] = {
    "staff": [
        Person("alice"),
        Person("bob", ("leads",)),
        Person("amy"),
        Person("ann"),
        Person("abe"),
        Person("ada"),
        Person("eve", code=False),
        Person("sam"),
        Person("mallory", attributes={"device_managed": "false", "risk": "10"}),
        Person("nora", attributes={"risk": "10"}),
        Person("rick", attributes={"device_managed": "true", "risk": "90"}),
        Person("root"),
        Person("grace", ("ml", "system:masters")),
    ],
    "vendors": [
        Person("val", (), LEASED),
        Person("vic", (), LEASED | {"contract_end": str(NOW - 60)}),
        Person("vin", (), {"device_managed": "true"}),
    ],
}
REFUSED = [
    ("staff", "mallory", "ZA06", "device not managed"),
    ("staff", "nora", "ZA06", "no word about the device"),
    ("staff", "rick", "ZA07", "risk too high"),
    ("staff", "root", "ZA11", "a reserved name"),
    ("staff", "grace", "ZA12", "a group of Kubernetes"),
    ("vendors", "vic", "ZA10", "contract at its end"),
    ("vendors", "vin", "ZA10", "no contract"),
]


def spec(host: str, authority: str) -> dict[str, Any]:
    """A factory with its own Keycloak for staff and for vendors."""
    shared = {
        "kind": "Keycloak",
        "segment": "identity",
        "database": {"host": "10.2.0.20", "secret": "keycloak-database"},
        "image": "registry.lease.example/apps/keycloak@sha256:" + "0" * 64,
        "certificate": "keycloak-tls",
        "certificateAuthority": authority,
    }
    staff = {"name": "staff", "people": "Staff", "issuer": f"{host}/realms/staff", "contract": {"risk": {"highest": 40}}}
    return {
        "name": "lease",
        "posture": "Production",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lease", "clusterNetworkPolicy": False},
        "trustDomain": "lease.example",
        "images": {"registries": ["registry.lease.example/apps/"]},
        "segments": [
            {"name": "identity", "stage": "Platform", "owner": "security", "quota": {"cpu": "8", "memory": "16Gi", "pods": 10}},
            {"name": "training", "stage": "Training", "owner": "research", "quota": {"cpu": "64", "memory": "1Ti", "pods": 20}},
        ],
        "workloads": [
            {
                "name": "keycloak",
                "segment": "identity",
                "listens": [{"name": "https", "port": 8443}],
                "egress": [{"cidr": "10.2.0.20/32", "port": 5432, "because": "its PostgreSQL"}],
            },
            {"name": "trainer", "segment": "training"},
        ],
        "access": [{"group": "staff:ml", "role": "viewer", "segments": ["training"], "because": "they watch their experiments"}],
        "eligibility": [
            {
                "group": "staff:ml",
                "role": "operator",
                "segments": ["training"],
                "longest": "1h",
                "approvers": "staff:leads",
                "because": "they mend hung experiments",
            }
        ],
        "identity": {
            "people": {
                "stepUp": "SecondFactor",
                "providers": [shared | staff, shared | {"name": "vendors", "people": "Vendors", "issuer": f"{host}/realms/vendors"}],
            }
        },
    }


def write_realms(folder: Path) -> None:
    """The realms as the plan's ConfigMaps hold them, with people."""
    factory = load_object(spec("https://login.lease.example", "-----BEGIN CERTIFICATE-----\n"))
    bodies = {manifest.body["metadata"]["name"]: manifest.body for manifest in plan_factory(factory).manifests}
    for provider in factory.providers:
        assert isinstance(provider, KeycloakProvider)
        data = dict(bodies[config_name(provider)]["data"])
        people = json.dumps([person.represented() for person in PEOPLE[provider.name]])
        file = realm_file(provider)
        data[file] = data[file].removesuffix("\n}") + f',\n  "users": {people}\n}}'
        if provider.name == "staff":
            data["STAFF_GROUPS"] = json.dumps([*json.loads(data["STAFF_GROUPS"]), {"name": "system:masters"}])
        for name, text in data.items():
            (folder / name).write_text(text)


@dataclass
class Site:
    """Keycloak, the API server, and who stands before them."""

    lab: Lab
    deployed: Deployed
    host: str
    trust: ssl.SSLContext
    http: httpx2.Client

    def browser(self, realm: str = "staff", client: str = "kubernetes") -> Browser:
        return Browser(f"{self.host}/realms/{realm}", self.trust, client)

    def password(self, browser: Browser, person: Person, **query: str) -> Page:
        """The page after the right password."""
        return browser.submit(browser.open(**query), username=person.name, password=PASSWORD)

    def sign_in(self, browser: Browser, person: Person, **query: str) -> Page:
        """The page after the right password and the right code."""
        page = self.password(browser, person, **query)
        assert page.has("otp"), page.html[-2000:]
        return browser.submit(page, otp=one_time_code(person.secret))

    def tokens(self, person: Person, realm: str = "staff") -> dict[str, str]:
        browser = self.browser(realm)
        answer = browser.token(self.sign_in(browser, person))
        browser.close()
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ask(self, token: str, method: str, path: str, body: Any = None) -> httpx2.Response:
        return self.http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})

    def may_write(self, token: str) -> bool:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"mine-{uuid4().hex[:6]}"}}
        answer = self.ask(token, "POST", "/api/v1/namespaces/lease-training/configmaps", config)
        assert answer.status_code in (201, 403), answer.text
        return answer.status_code == 201

    def log(self, name: str) -> str:
        return (self.lab.state.logs / name).read_text()


def person(name: str, realm: str = "staff") -> Person:
    return next(each for each in PEOPLE[realm] if each.name == name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Keycloak and the cleanup controller, then the API server on files that name the one."""
    realms, rendered = tmp_path_factory.mktemp("realms"), tmp_path_factory.mktemp("rendered")
    write_realms(realms)
    with own_lab() as lab:
        lab.up(realm=realms, extras=["identity"])
        (port,) = [row.port for row in lab.status() if row.program == "keycloak"]
        cluster = yaml.safe_load(lab.kubeconfig.read_text())["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        host = f"https://127.0.0.1:{port}"
        render(plan_factory(load_object(spec(host, authority))), rendered)
        assert lab.up(control_plane=rendered / "control-plane") == ["kube-apiserver", "cleanup-controller"]
        trust = ssl.create_default_context(cadata=authority)
        with httpx2.Client(base_url=cluster["server"], verify=trust, trust_env=False, timeout=30) as http:
            site = Site(lab, deploy_on(lab, spec(host, authority)), host, trust, http)
            yield site


BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/lease-training/rolebindings"


def test_a_person_from_sign_in_to_the_audit_log(site: Site) -> None:
    """Password and code; the token is good for reading and not for writing; a role is asked for, agreed to by another, used; at its end
    it is gone without anybody's doing; and the audit log tells it all."""
    alice, bob = site.tokens(person("alice"))["id_token"], site.tokens(person("bob"))["id_token"]
    said = claims(alice)
    assert (said["acr"], said["amr"], said["groups"]) == ("mfa", ["pwd", "otp"], ["ml"])
    assert (said["aud"], said["azp"], said["exp"] - said["iat"]) == ("kubernetes", "kubernetes", 900)

    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    wait_until(lambda: site.ask(alice, "GET", "/api").status_code == 200, site.log("kube-apiserver.log")[-1500:])
    user = site.ask(alice, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review).json()["status"]["userInfo"]
    assert user["username"] == "staff:alice"
    assert sorted(user["groups"]) == ["staff:ml", "system:authenticated"]
    assert user["extra"][names.ACR] == ["mfa"]
    assert user["extra"][names.SIGN_IN] == [said["sid"]]

    assert site.ask(alice, "GET", "/api/v1/namespaces/lease-training/pods").status_code == 200
    assert not site.may_write(alice)

    asked = site.ask(alice, "POST", BINDINGS, request(seconds=30))
    assert asked.status_code == 201, asked.text
    held = f"{BINDINGS}/operator::staff:alice"
    own = copy.deepcopy(agreed(asked.json(), "staff:alice"))
    assert site.ask(alice, "PUT", held, own).status_code == 403
    assert not site.may_write(alice)
    answer = site.ask(bob, "PUT", held, agreed(asked.json(), "staff:bob"))
    assert answer.status_code == 200, answer.text
    wait_until(lambda: site.may_write(alice), "alice may write")
    wait_until(lambda: not site.may_write(alice), "alice may not write any more")
    assert site.ask(alice, "GET", "/api/v1/namespaces/lease-training/pods").status_code == 200

    events = [json.loads(line) for line in site.log("audit.log").splitlines()]
    story = [
        (event["user"]["username"], event["verb"], event["responseStatus"]["code"])
        for event in events
        if event.get("objectRef", {}).get("resource") == "rolebindings" and event["user"]["username"].startswith(("staff:", CLEANER))
        if event["verb"] in ("create", "update", "delete")
    ]
    assert story == [
        ("staff:alice", "create", 201),
        ("staff:alice", "update", 403),
        ("staff:bob", "update", 200),
        (CLEANER, "delete", 200),
    ]
    consent = next(event for event in events if event["user"]["username"] == "staff:bob" and event["verb"] == "update")
    assert consent["user"]["extra"][names.SIGN_IN] == [claims(bob)["sid"]]
    assert consent["requestObject"]["metadata"]["annotations"][names.REASON] == "the nightly run hangs"
    assert PASSWORD not in site.log("audit.log")


def test_vendors_have_a_realm_of_their_own(site: Site) -> None:
    """A vendor is nobody of the staff, with a shorter token; and the staff's realm does not know them."""
    token = site.tokens(person("val", "vendors"), "vendors")["id_token"]
    assert claims(token)["exp"] - claims(token)["iat"] == 300
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    wait_until(lambda: site.ask(token, "POST", path, review).status_code == 201, "the vendor may come in")
    assert site.ask(token, "POST", path, review).json()["status"]["userInfo"]["username"] == "vendors:val"
    assert site.ask(token, "GET", "/api/v1/namespaces/lease-training/pods").status_code == 403
    browser = site.browser("staff")
    assert site.password(browser, person("val", "vendors")).code is None
    browser.close()


@pytest.mark.parametrize(("realm", "name", "demand", "what"), REFUSED, ids=[f"{one[1]}-{one[3]}" for one in REFUSED])
def test_refused(site: Site, realm: str, name: str, demand: str, what: str) -> None:
    """Whoever signs in properly and does not meet the contract gets 401, and the API server's log names the demand."""
    token = site.tokens(person(name, realm), realm)["id_token"]
    before = len(site.log("kube-apiserver.log"))

    def said() -> bool:
        assert site.ask(token, "GET", "/api").status_code == 401
        return f"{demand}: " in site.log("kube-apiserver.log")[before:]

    wait_until(said, f"{demand} refuses {what}")


def test_no_second_factor(site: Site) -> None:
    """The right password alone ends there: no token, and no offer to enrol a code or a key to whoever has stolen it."""
    browser = site.browser()
    page = site.password(browser, person("eve"))
    assert page.code is None
    assert page.status == 400
    assert page.action is None
    for action in ("CONFIGURE_TOTP", "webauthn-register"):
        other = site.browser()
        page = site.password(other, person("eve"), kc_action=action)
        assert (page.status, page.code, page.action) == (400, None, None)
        other.close()
    browser.close()


def test_wrong_code(site: Site) -> None:
    """A code of another is none, and one's own works once."""
    browser = site.browser()
    page = site.password(browser, person("amy"))
    page = browser.submit(page, otp=one_time_code(person("bob").secret))
    assert page.code is None
    assert page.has("otp")
    code = one_time_code(person("amy").secret)
    assert browser.submit(page, otp=code).code
    other = site.browser()
    assert other.submit(site.password(other, person("amy")), otp=code).code is None
    browser.close()
    other.close()


def test_code_is_for_who_asked(site: Site) -> None:
    """An authorization code needs the verifier of the request (PKCE), goes to loopback only, and works once."""
    browser = site.browser()
    assert "code_challenge" in (browser.open(code_challenge="", code_challenge_method="").redirect or "")
    assert browser.open(redirect_uri="https://evil.example/").status == 400
    assert browser.open(redirect_uri="http://127.0.0.1.evil.example/").status == 400
    page = site.sign_in(browser, person("ann"))
    assert browser.token(page, code_verifier="x" * 43).status_code == 400
    page = browser.open()
    assert browser.token(page).status_code == 200
    assert browser.token(page).status_code == 400
    browser.close()


def test_session(site: Site) -> None:
    """A refresh token works once and keeps the moment of the sign-in; used again it ends the session, and so does signing out."""
    browser = site.browser()
    first = browser.token(site.sign_in(browser, person("abe"))).json()
    second = browser.post("token", grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert claims(second["id_token"])["auth_time"] == claims(first["id_token"])["auth_time"]
    assert claims(second["id_token"])["acr"] == "mfa"
    assert browser.post("token", grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400
    third = browser.token(browser.open()).json()
    assert browser.post("logout", refresh_token=third["refresh_token"]).status_code == 204
    assert browser.post("token", grant_type="refresh_token", refresh_token=third["refresh_token"]).status_code == 400
    assert site.ask(first["access_token"], "GET", "/api").status_code == 401, "an access token is for nobody here"
    browser.close()


def test_step_up_offers_a_key_after_two_factors(site: Site) -> None:
    """Who asks for `phr` and has no key may enrol one, password and code given; that is as far as a test without a key can go."""
    browser = site.browser()
    page = site.sign_in(browser, person("ada"), acr_values="phr")
    assert page.code is None
    assert page.has("attestationObject")
    browser.close()


@pytest.mark.parametrize("client", ["kubernetes", "account", "account-console", "admin-cli", "security-admin-console"])
def test_no_way_with_a_password_alone(site: Site, client: str) -> None:
    """No client takes a password directly, and those that come with a realm take nobody."""
    browser = site.browser(client=client)
    answer = browser.post("token", grant_type="password", username="alice", password=PASSWORD, scope="openid")
    assert answer.status_code in (400, 401)
    assert "id_token" not in answer.text
    assert client == "kubernetes" or browser.open().status == 400
    browser.close()


def test_brute_force(site: Site) -> None:
    """After three wrong passwords the right one does not help for a minute."""
    browser = site.browser()
    page = browser.open()
    for attempt in range(3):
        page = browser.submit(page, username="sam", password=f"wrong-{attempt}")
    page = browser.submit(page, username="sam", password=PASSWORD)
    assert page.code is None
    assert not page.has("otp")
    browser.close()


@pytest.mark.parametrize("path", ["/admin/", "/admin/master/console/", "/realms/staff/account/"])
def test_no_console(site: Site, path: str) -> None:
    """Neither the administrators' console nor the people's own is served."""
    with httpx2.Client(verify=site.trust, trust_env=False, timeout=30) as http:
        assert http.get(f"{site.host}{path}").status_code == 404
