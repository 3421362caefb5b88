"""People in front of a real API server that runs on the plan's own files: who gets in, as whom, and which demand refuses whom.

Tokens hold what each provider documents for its own: Keycloak 26 ID tokens; Okta *ID token payload*; Microsoft *ID token claims reference*
(v2.0); OpenID Connect Core 1.0 section 2 for the rest.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from deployed import Deployed, deploy_on, start_lab, wait_until
from issuer import Claims, Issuer

from factory.load import load_object
from factory.plan import names, plan_factory
from factory.render import render
from lab import Lab

NOW = int(time.time())
ORDINARY: Claims = {"sub": "f9d1c1c4-0b5e-4f7a-9f57-2a1de2a6bd10", "aud": "kubernetes", "auth_time": NOW - 600}
GOOD: dict[str, Claims] = {
    "staff": ORDINARY
    | {
        "typ": "ID",
        "azp": "kubernetes",
        "jti": "3b7f2c1e-0000-4000-8000-000000000001",
        "sid": "9d0f5a3e-0000-4000-8000-000000000002",
        "acr": "mfa",
        "amr": ["pwd", "otp", "mfa"],
        "preferred_username": "alice",
        "email_verified": True,
        "groups": ["ml", "everybody"],
        "device_managed": True,
        "risk": 10,
        "network": "office",
        "country": "DE",
    },
    "okta": ORDINARY
    | {
        "ver": 1,
        "sub": "00uid4BxXw6I6TV4m0g3",
        "jti": "ID.4eAWJOCMB3SX8XewDfVR",
        "amr": ["pwd", "mfa", "otp"],
        "idp": "00oid1AxXw6I6TV4m0g3",
        "preferred_username": "bob@helix.example",
        "at_hash": "aDq4mGVqTvPzGkq1m0Xv5g",
        "groups": ["Everyone", "ML Research"],
    },
    "entra": ORDINARY
    | {
        "ver": "2.0",
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "tid": "9122040d-6c67-4c5b-b112-36a304b66dad",
        "acrs": ["c1"],
        "groups": ["6e2b2c2e-3a5b-4c1e-8f43-0d9a3d1a5a77"],
        "name": "Carol",
        "preferred_username": "carol@helix.example",
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "nbf": NOW - 60,
    },
    "vendors": ORDINARY
    | {
        "email": "dave@vendor.example",
        "email_verified": True,
        "mfa": "true",
        "groups": "support",
        "contract_end": NOW + 86_400,
        "device": "true",
    },
}
"""What each provider says of somebody who may come in."""

NAMED = {
    "staff": ("staff:alice", ["staff:everybody", "staff:ml"]),
    "okta": ("okta:00uid4BxXw6I6TV4m0g3", ["okta:Everyone", "okta:ML Research"]),
    "entra": ("entra:00000000-0000-0000-66f3-3332eca7ea81", ["entra:6e2b2c2e-3a5b-4c1e-8f43-0d9a3d1a5a77"]),
    "vendors": ("vendors:dave@vendor.example", ["vendors:support"]),
}
"""Who they are to the API server."""

STRONG = {
    "staff": {"acr": "phr", "amr": ["pwd", "hwk", "mfa"]},
    "okta": {"acr": "phr", "amr": ["mfa", "hwk", "swk"]},
    "entra": {"acrs": ["c1", "c2"]},
    "vendors": {"mfa": "true", "acr": "phr"},
}
"""How a provider says that the sign-in could not have been phished."""

REFUSED: list[tuple[str, str, Claims, str]] = [
    ("staff", "password only", {"acr": "1", "amr": ["pwd"]}, "ZA05"),
    ("staff", "no word about the sign-in", {"acr": None, "amr": None}, "ZA05"),
    ("staff", "second factor in amr, and acr below", {"acr": "0", "amr": ["pwd", "mfa"]}, "ZA05"),
    ("staff", "device not managed", {"device_managed": False}, "ZA06"),
    ("staff", "no word about the device", {"device_managed": None}, "ZA06"),
    ("staff", "risk too high", {"risk": 41}, "ZA07"),
    ("staff", "risk just too high", {"risk": 40.5}, "ZA07"),
    ("staff", "risk below the scale", {"risk": -1}, "ZA07"),
    ("staff", "risk not a number", {"risk": "NaN"}, "cannot be ordered"),
    ("staff", "no word about risk", {"risk": None}, "ZA07"),
    ("staff", "another network", {"network": "hotel"}, "ZA08"),
    ("staff", "another country", {"country": "XX"}, "ZA09"),
    ("staff", "no word about the country", {"country": None}, "ZA09"),
    ("staff", "wrong audience", {"aud": "grafana"}, "audience"),
    ("staff", "audience of others too", {"aud": ["kubernetes", "grafana"]}, "ZA01"),
    ("staff", "issued to another client", {"azp": "grafana"}, "ZA02"),
    ("staff", "token of an hour", {"exp": NOW + 3600, "iat": NOW}, "ZA03"),
    ("staff", "token without beginning", {"iat": None}, "ZA03"),
    ("staff", "token that ends before it begins", {"iat": NOW + 7200, "exp": NOW + 3600}, "ZA03"),
    ("staff", "token that has ended", {"iat": NOW - 900, "exp": NOW - 600}, "expired"),
    ("staff", "signed in yesterday", {"auth_time": NOW - 86_400}, "ZA04"),
    ("staff", "no word about when", {"auth_time": None}, "ZA04"),
    ("staff", "signed in tomorrow", {"auth_time": NOW + 86_400}, "ZA04"),
    ("staff", "group of Kubernetes", {"groups": ["ml", "system:masters"]}, "ZA12"),
    ("staff", "group of Kubernetes alone", {"groups": "system:masters"}, "ZA12"),
    ("staff", "name of Kubernetes", {"preferred_username": "system:admin"}, "ZA11"),
    ("staff", "name of the deployer", {"preferred_username": "factory-deployer"}, "ZA11"),
    ("staff", "reserved name in capitals", {"preferred_username": "Kubernetes-Admin"}, "ZA11"),
    ("staff", "name of two lines", {"preferred_username": "alice\nroot"}, "ZA11"),
    ("staff", "name in foreign letters", {"preferred_username": "\u0430lice"}, "ZA11"),
    ("staff", "empty name", {"preferred_username": ""}, "ZA11"),
    ("staff", "no name", {"preferred_username": None}, "ZA11"),
    ("okta", "password only", {"amr": ["pwd"]}, "ZA05"),
    ("okta", "no amr", {"amr": None}, "ZA05"),
    ("okta", "amr of another word", {"amr": ["pwd", "mfa2"]}, "ZA05"),
    ("okta", "wrong audience", {"aud": "0oa1another"}, "audience"),
    ("okta", "token of an hour, as Okta has it by default", {"exp": NOW + 3600, "iat": NOW}, "ZA03"),
    ("entra", "no authentication context", {"acrs": None}, "ZA05"),
    ("entra", "another authentication context", {"acrs": ["c3"]}, "ZA05"),
    ("entra", "amr, which v2.0 tokens do not have", {"acrs": None, "amr": ["pwd", "mfa"]}, "ZA05"),
    ("entra", "token of an hour, as Entra has it by default", {"exp": NOW + 3900, "iat": NOW}, "ZA03"),
    ("entra", "no object id", {"oid": None}, "ZA11"),
    ("vendors", "contract at its end", {"contract_end": NOW - 1}, "ZA10"),
    ("vendors", "contract that ends before the token", {"contract_end": NOW + 60}, "ZA10"),
    ("vendors", "no contract", {"contract_end": None}, "ZA10"),
    ("vendors", "token that is good for staff", {"exp": NOW + 800, "iat": NOW}, "ZA03"),
    ("vendors", "sign-in that is good for staff", {"auth_time": NOW - 5 * 3600}, "ZA04"),
    ("vendors", "address not verified", {"email_verified": False}, "ZA13"),
    ("vendors", "no word about the address", {"email_verified": None}, "ZA13"),
    ("vendors", "no second factor", {"mfa": "false"}, "ZA05"),
    ("vendors", "device not managed", {"device": "false"}, "ZA06"),
]
"""Provider, what is wrong, what the token says then, and the demand that refuses it."""


def spec(issuer: Issuer) -> dict[str, Any]:
    """A factory whose people come from four providers."""
    oidc = {"kind": "OIDC", "people": "Staff", "certificateAuthority": issuer.authority}
    keycloak = {
        "kind": "Keycloak",
        "name": "staff",
        "people": "Staff",
        "issuer": issuer.url("realms/staff"),
        "segment": "identity",
        "database": {"host": "db.helix.example", "secret": "keycloak-database"},
        "image": "registry.helix.example/apps/keycloak@sha256:" + "0" * 64,
        "certificate": "keycloak-tls",
        "certificateAuthority": issuer.authority,
        "contract": {
            "risk": {"highest": 40},
            "networks": {"claim": "network", "values": ["office", "vpn"]},
            "countries": {"claim": "country", "values": ["DE", "FR"]},
        },
    }
    vendors = oidc | {
        "name": "vendors",
        "people": "Vendors",
        "preset": "Generic",
        "issuer": issuer.url("vendors"),
        "user": "email",
        "contract": {
            "mfaClaim": {"claim": "mfa", "values": ["true"]},
            "phishingResistantClaim": {"claim": "acr", "values": ["phr"]},
            "device": "device",
        },
    }
    return {
        "name": "people",
        "posture": "Development",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab", "clusterNetworkPolicy": False},
        "trustDomain": "people.example",
        "images": {"registries": ["registry.helix.example/apps/"]},
        "segments": [
            {"name": "identity", "stage": "Platform", "owner": "security"},
            {"name": "training", "stage": "Training", "owner": "research"},
        ],
        "workloads": [
            {"name": "keycloak", "segment": "identity", "listens": [{"name": "https", "port": 8443}]},
            {"name": "trainer", "segment": "training"},
        ],
        "roles": [
            {
                "name": "debugger",
                "permissions": [{"resources": ["pods"], "verbs": ["get", "list"]}],
                "sessions": ["Exec", "EphemeralContainer", "PortForward", "Attach"],
            }
        ],
        "access": [
            {"group": "staff:ml", "role": "viewer", "segments": ["training"], "because": "they look at their own jobs"},
            {"group": "staff:ml", "role": "debugger", "segments": ["training"], "because": "a hung job is looked at in the pod"},
        ],
        "identity": {
            "people": {
                "providers": [
                    keycloak,
                    oidc | {"name": "okta", "preset": "Okta", "issuer": issuer.url("okta")},
                    oidc | {"name": "entra", "preset": "EntraID", "issuer": issuer.url("9122040d/v2.0")},
                    vendors,
                ]
            }
        },
    }


PATHS = {"staff": "realms/staff", "okta": "okta", "entra": "9122040d/v2.0", "vendors": "vendors"}


@dataclass
class Front:
    """The API server as somebody with a token sees it, and what it writes down about them."""

    lab: Lab
    issuer: Issuer
    factory: Deployed
    http: httpx2.Client

    def token(self, provider: str, change: Claims | None = None, **signing: Any) -> str:
        return self.issuer.token(PATHS[provider], GOOD[provider] | (change or {}), **signing)

    def ask(self, token: str | None, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.request(method, path, json=body, headers=bearer | headers)

    def whoami(self, token: str) -> dict[str, Any]:
        """Whom the API server takes the holder of a token for."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self.ask(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["status"]["userInfo"])

    def knows(self, provider: str) -> bool:
        """Whether the API server has asked the provider for its keys."""
        return self.ask(self.token(provider), "GET", "/api").status_code != 401

    def steps_up(self) -> bool:
        """Whether a second factor alone no longer opens a session."""
        return "ZG16" in self.ask(self.token("staff"), "POST", f"{POD}/attach").text

    def log(self, name: str) -> str:
        """What is in a log, up to its last whole line."""
        text = (self.lab.state.logs / name).read_text()
        return text[: text.rfind("\n") + 1]


POD = "/api/v1/namespaces/people-training/pods/absent"
"""Where a pod would be."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A lab whose API server runs on what `factory render` has written."""
    folder = tmp_path_factory.mktemp("rendered")
    with Issuer() as issuer:
        render(plan_factory(load_object(spec(issuer))), folder)
        for lab in start_lab(folder / "control-plane"):
            deployed = deploy_on(lab, spec(issuer))
            cluster = yaml.safe_load(lab.kubeconfig.read_text())["clusters"][0]["cluster"]
            context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
            with httpx2.Client(base_url=cluster["server"], verify=context, trust_env=False, timeout=30) as http:
                front = Front(lab, issuer, deployed, http)
                for provider in GOOD:
                    wait_until(partial(front.knows, provider), f"{provider} may come in: {front.log('kube-apiserver.log')[-2000:]}")
                wait_until(front.steps_up, "ZG16 is in force")
                yield front


@pytest.mark.parametrize("provider", GOOD)
def test_signed_in(front: Front, provider: str) -> None:
    """Whoever meets the contract is who the provider says, by a name and groups that no other provider can give."""
    user = front.whoami(front.token(provider))
    name, groups = NAMED[provider]
    assert user["username"] == name
    assert sorted(user["groups"]) == sorted([*groups, "system:authenticated"])
    assert user["uid"] == GOOD[provider]["sub"]
    assert user["extra"][names.ACR] == ["mfa"]


@pytest.mark.parametrize("provider", GOOD)
def test_signed_in_strongly(front: Front, provider: str) -> None:
    """Whatever words a provider has for it, admission reads one."""
    assert front.whoami(front.token(provider, STRONG[provider]))["extra"][names.ACR] == ["phr"]


def test_extra_attributes(front: Front) -> None:
    """Device, session and token reach admission and the audit log."""
    extra = front.whoami(front.token("staff"))["extra"]
    assert extra[names.DEVICE] == ["managed"]
    assert extra[names.SIGN_IN] == [GOOD["staff"]["sid"]]
    assert extra[names.TOKEN] == [GOOD["staff"]["jti"]]
    assert names.SIGN_IN not in front.whoami(front.token("okta"))["extra"], "an ID token of Okta has no sid"


@pytest.mark.parametrize(("provider", "what", "change", "demand"), REFUSED, ids=[f"{one[0]}-{one[1]}" for one in REFUSED])
def test_refused(front: Front, provider: str, what: str, change: Claims, demand: str) -> None:
    """One thing is wrong: the answer is 401, and the API server's log names the demand."""
    before = len(front.log("kube-apiserver.log"))
    assert front.ask(front.token(provider, change), "GET", "/api").status_code == 401
    wait_until(lambda: "Unable to authenticate" in front.log("kube-apiserver.log")[before:], "the API server says why")
    said = front.log("kube-apiserver.log")[before:]
    assert f"{demand}: " in said or (demand.islower() and demand in said), said


def test_forged(front: Front) -> None:
    """Another issuer, another key, no key: nobody gets in, whatever the token says."""
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        front.issuer.token("another", GOOD["staff"]),
        front.issuer.token("realms/staff", GOOD["okta"]),
        front.token("staff", key=stranger),
        front.token("staff", algorithm="none"),
        front.token("staff", {"iss": "https://127.0.0.1/realms/staff"}),
    ):
        assert front.ask(token, "GET", "/api").status_code == 401


def test_tampered(front: Front) -> None:
    """A token whose group was changed after it was signed is no token."""
    header, body, signature = front.token("staff").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | {"groups": ["admins"]}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert front.ask(f"{header}.{forged}.{signature}", "GET", "/api").status_code == 401


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/livez", 200), ("/readyz", 200), ("/api", 401), ("/version", 401)])
def test_anonymous(front: Front, path: str, status: int) -> None:
    """Without a name one learns that the API server is well, and nothing else."""
    assert front.ask(None, "GET", path).status_code == status


def test_least_privilege(front: Front) -> None:
    """Who signs in may do what the spec grants to their groups."""
    alice, bob = front.token("staff"), front.token("okta")
    assert front.ask(alice, "GET", "/api/v1/namespaces/people-training/pods").status_code == 200
    assert front.ask(alice, "GET", "/api/v1/namespaces/people-training/secrets").status_code == 403
    assert front.ask(alice, "GET", "/api/v1/namespaces/people-identity/pods").status_code == 403
    assert front.ask(bob, "GET", "/api/v1/namespaces/people-training/pods").status_code == 403


SESSIONS = ("exec?command=id", "attach", "portforward?ports=80")


@pytest.mark.parametrize("session", SESSIONS)
def test_session_asks_for_more(front: Front, session: str) -> None:
    """A second factor lets one look around; to enter a pod it takes one that phishing cannot have taken."""
    path = f"{POD}/{session}"
    weak = front.ask(front.token("staff"), "POST", path)
    assert weak.status_code == 403
    assert "denied request: ZG16: " in weak.json()["message"]
    strong = front.ask(front.token("staff", STRONG["staff"]), "POST", path)
    assert strong.status_code == 404, "it gets as far as looking for the pod"


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "step-up"}, "stringData": {"password": "hunter2-in-a-body"}}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "step-up", "annotations": {"reason": "because-it-is-written-down"}},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "viewer"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "staff:eve"}],
}


def as_somebody(front: Front, user: str, acr: str | None, path: str, body: Any) -> httpx2.Response:
    """An administrator tries something as somebody else, who could do everything by RBAC."""
    headers = {"Impersonate-User": user, "Impersonate-Group": "lab-administrators"}
    if acr is not None:
        headers[f"Impersonate-Extra-{names.ACR.replace('/', '%2F')}"] = acr
    return front.factory.administrator._http.request("POST", path, json=body, headers=headers, params={"dryRun": "All"})


@pytest.mark.parametrize("acr", [None, "", "mfa", "phrh", "PHR"])
def test_secrets_ask_for_more(front: Front, acr: str | None) -> None:
    """So does a Secret, whatever else somebody may do."""
    path = "/api/v1/namespaces/people-training/secrets"
    answer = as_somebody(front, "staff:alice", acr, path, SECRET)
    assert answer.status_code == 403
    assert "denied request: ZG16: " in answer.json()["message"]
    assert as_somebody(front, "staff:alice", "phr", path, SECRET).status_code == 201


@pytest.mark.parametrize("user", ["system:serviceaccount:delivery:argo", "staffing:alice", "factory-deployer"])
def test_nobody_else_is_asked(front: Front, user: str) -> None:
    """Machines sign in otherwise."""
    assert as_somebody(front, user, None, "/api/v1/namespaces/people-training/secrets", SECRET).status_code == 201


OTHERS = ("zg07-binding", "zg17-binding")
"""Who else has a word on role bindings. Of several that refuse, the API server names whichever it asked first."""


def test_grants_ask_for_more(front: Front) -> None:
    """So does who holds a role, even if nobody else objected."""
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/people-training/rolebindings"
    others = [manifest.body for manifest in front.factory.plan.manifests if manifest.key in OTHERS]
    assert len(others) == len(OTHERS)
    for binding in others:
        front.factory.administrator.delete(binding)
    try:
        wait_until(lambda: "ZG16" in as_somebody(front, "staff:alice", "mfa", path, BINDING).text, "ZG16 refuses by itself")
        wait_until(lambda: as_somebody(front, "staff:alice", "phr", path, BINDING).status_code == 201, "who signed in strongly may")
        assert "ZG16" in as_somebody(front, "staff:alice", "mfa", path, BINDING).text
    finally:
        for binding in others:
            front.factory.administrator.apply(binding)
        wait_until(lambda: "denied request" in as_somebody(front, "staff:alice", "phr", path, BINDING).text, "the others refuse again")


def events(front: Front, before: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in front.log("audit.log")[before:].splitlines()]


def test_audit_log_tells_who_what_and_why(front: Front) -> None:
    """A grant is written down whole: who, with which sign-in, what, and the reason in its annotations."""
    before = len(front.log("audit.log"))
    as_somebody(front, "staff:alice", "phr", "/apis/rbac.authorization.k8s.io/v1/namespaces/people-training/rolebindings", BINDING)
    wait_until(lambda: "rolebindings" in front.log("audit.log")[before:], "the request is written down")
    event = next(one for one in events(front, before) if one["objectRef"].get("resource") == "rolebindings")
    assert event["level"] == "RequestResponse"
    assert event["impersonatedUser"]["username"] == "staff:alice"
    assert event["impersonatedUser"]["extra"][names.ACR] == ["phr"]
    assert event["requestObject"]["metadata"]["annotations"]["reason"] == "because-it-is-written-down"


def test_audit_log_has_sessions_and_no_secrets(front: Front) -> None:
    """A session is written down with its command; the body of a Secret, or of a ConfigMap, never."""
    before = len(front.log("audit.log"))
    front.ask(front.token("staff", STRONG["staff"]), "POST", "/api/v1/namespaces/people-training/pods/absent/exec?command=whoami")
    as_somebody(front, "staff:alice", "phr", "/api/v1/namespaces/people-training/secrets", SECRET)
    notes = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": {"token": "hunter2-in-a-body"}}
    as_somebody(front, "staff:alice", "phr", "/api/v1/namespaces/people-training/configmaps", notes)
    wait_until(lambda: '"resource":"configmaps"' in front.log("audit.log")[before:], "the requests are written down")
    written = events(front, before)
    session = next(one for one in written if one["objectRef"].get("subresource") == "exec")
    assert session["user"]["username"] == "staff:alice"
    assert session["user"]["extra"][names.ACR] == ["phr"]
    assert "command=whoami" in session["requestURI"]
    secret = next(one for one in written if one["objectRef"].get("resource") == "secrets")
    assert secret["level"] == "Metadata"
    assert "hunter2-in-a-body" not in front.log("audit.log")


def test_audit_log_is_quiet(front: Front) -> None:
    """Health, leases and events fill no disk."""
    front.ask(None, "GET", "/readyz")
    whole = front.log("audit.log")
    assert '"requestURI":"/readyz' not in whole
    assert '"resource":"leases"' not in whole
    assert '"stage":"RequestReceived"' not in whole
