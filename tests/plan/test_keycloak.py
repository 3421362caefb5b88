"""The Keycloak that the factory runs: realms without secrets, that follow the contract, in pods that our own guardrails admit."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from factory.load import load_object
from factory.plan import plan_factory
from factory.plan.realm import documents, realm_files
from factory.spec import Factory, KeycloakProvider

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Production",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/"]},
    "segments": [{"name": "identity", "stage": "Platform", "owner": "security"}, {"name": "lab", "stage": "Training", "owner": "research"}],
    "workloads": [{"name": "keycloak", "segment": "identity", "listens": [{"name": "https", "port": 8443}]}],
    "access": [{"group": "staff:${KC_DB_PASSWORD}", "role": "viewer", "segments": ["lab"], "because": "they watch their jobs"}],
    "identity": {
        "people": {
            "providers": [
                {
                    "kind": "Keycloak",
                    "name": name,
                    "people": people,
                    "issuer": f"https://login.helix.example/realms/{name}",
                    "segment": "identity",
                    "image": "registry.helix.example/keycloak@sha256:" + "1" * 64,
                    "database": {"host": "db.helix.example", "secret": "sentinel-database"},
                    "certificate": "sentinel-certificate",
                }
                for name, people in (("staff", "Staff"), ("vendors", "Vendors"))
            ]
        }
    },
}

SECRET = re.compile("secret|password|credential|private", re.IGNORECASE)
HARMLESS = {
    "passwordPolicy",
    "resetPasswordAllowed",
    "UPDATE_PASSWORD",
    "Update password",
    "auth-username-password-form",
    "${KC_DB_PASSWORD}",
}


def factory(**contract: Any) -> Factory:
    spec = deepcopy(SPEC)
    spec["identity"]["people"]["providers"][0]["contract"] = contract
    return load_object(spec)


def realm(factory: Factory, name: str) -> dict[str, Any]:
    """The realm as Keycloak reads it: the documents in place of their variables."""
    provider = next(each for each in factory.providers if each.name == name)
    assert isinstance(provider, KeycloakProvider)
    files = realm_files(factory, provider)
    return dict(json.loads(re.sub(r"\$\{(\w+)\}", lambda found: files[found[1]], files[f"{name}-realm.json"])))


def words(content: Any) -> list[str]:
    if isinstance(content, dict):
        return [word for key, value in content.items() for word in (key, *words(value))]
    return [word for value in content for word in words(value)] if isinstance(content, list) else [str(content)]


@pytest.mark.parametrize("name", ["staff", "vendors"])
def test_no_secret_in_a_realm(name: str) -> None:
    """No user, no password, no secret of a client, no key, and no name of a Secret."""
    content = realm(factory(), name)
    assert {"users", "credentials", "requiredCredentials", "smtpServer", "identityProviders"}.isdisjoint(content)
    assert list(content["components"]) == ["org.keycloak.userprofile.UserProfileProvider"]
    for word in words(content):
        assert not SECRET.search(word) or word in HARMLESS or word.startswith(("length(", "factory-browser-password")), word
        assert "sentinel" not in word


def test_a_group_is_no_variable() -> None:
    """Keycloak would put the database's password where a group is called like its variable."""
    files = realm_files(factory(), next(each for each in factory().providers if isinstance(each, KeycloakProvider)))
    assert "${KC" not in "".join(files.values())
    assert realm(factory(), "staff")["groups"] == [{"name": "${KC_DB_PASSWORD}"}]


@pytest.mark.parametrize(("name", "token", "session"), [("staff", 900, 36_000), ("vendors", 300, 14_400)])
def test_ages_are_those_of_the_contract(name: str, token: int, session: int) -> None:
    """Vendors are held shorter; nothing outlives the session."""
    content = realm(factory(), name)
    assert content["accessTokenLifespan"] == token
    assert content["ssoSessionMaxLifespan"] == content["offlineSessionMaxLifespan"] == session
    (client,) = [client for client in content["clients"] if client.get("enabled", True)]
    assert client["attributes"]["access.token.lifespan"] == str(token)


def test_a_change_is_one_document() -> None:
    """Another claim changes what the token says and what the profile holds, and no other document."""
    before, after = (
        {document.name: document.content for document in documents(each, each.providers[0])}  # type: ignore[arg-type]
        for each in (factory(), factory(risk={"highest": 20}))
    )
    assert {name for name in before if before[name] != after[name]} == {"STAFF_CLIENT_SCOPES", "STAFF_USER_PROFILE"}


def test_phishing_resistance_is_asked_for_at_sign_in() -> None:
    """A contract that wants it makes Keycloak ask for a key."""
    (client, *_) = realm(factory(mfa="PhishingResistant"), "staff")["clients"]
    assert client["attributes"]["minimum.acr.value"] == "phr"


def test_one_keycloak_serves_both_realms() -> None:
    """Providers of one segment share it; it reads secrets by reference only."""
    bodies = [manifest.body for manifest in plan_factory(factory()).manifests if manifest.component.kind == "IdentityProvider"]
    assert sorted(f"{body['kind']} {body['metadata']['name']}" for body in bodies) == [
        "ConfigMap keycloak-realm-staff",
        "ConfigMap keycloak-realm-vendors",
        "Deployment keycloak",
        "PodDisruptionBudget keycloak",
        "Service keycloak",
    ]
    (deployment,) = [body for body in bodies if body["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert all("valueFrom" in variable for variable in container["env"])
