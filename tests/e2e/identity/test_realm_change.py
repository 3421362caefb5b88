"""A realm that exists, brought to what a later deployment says, by Keycloak's own export and import; its people stay."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from test_keycloak import PEOPLE, spec

from factory.load import load_object
from factory.plan import plan_factory
from factory.plan.keycloak import config_name
from factory.plan.realm import realm_file
from factory.spec import KeycloakProvider
from lab.console import Console
from lab.toolchain import provide

REALM = "staff"


class Keycloak:
    """Keycloak's offline commands on one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.executable = provide(Console.silent(), {"keycloak"})["keycloak"]

    def run(self, home: Path, *command: str) -> None:
        database = f"--db-url=jdbc:h2:file:{self.folder}/h2;NON_KEYWORDS=VALUE"
        done = subprocess.run([self.executable, home, *command, "--optimized", database], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def export(self, home: Path) -> dict[str, Any]:
        """The live realm, people included."""
        self.run(home, "export", "--dir", str(home / "export"), "--realm", REALM, "--users", "realm_file")
        found: dict[str, Any] = json.loads((home / "export" / realm_file_name()).read_text())
        return found


def realm_file_name() -> str:
    return f"{REALM}-realm.json"


def rendered(home: Path, token_age: str, people: list[Any]) -> Path:
    """The realm of a plan, laid out for Keycloak, with people in it as docs/concepts/identity_provider.md puts them there."""
    changed = spec("https://login.lease.example", "-----BEGIN CERTIFICATE-----\n")
    for provider in changed["identity"]["people"]["providers"]:
        if provider["name"] == REALM:
            provider["contract"] = provider.get("contract", {}) | {"tokenAge": token_age}
    factory = load_object(changed)
    (staff,) = [each for each in factory.providers if isinstance(each, KeycloakProvider) and each.name == REALM]
    assert realm_file(staff) == realm_file_name()
    (data,) = [m.body["data"] for m in plan_factory(factory).manifests if m.body["metadata"]["name"] == config_name(staff)]
    (home / "values").mkdir(parents=True)
    for name, text in data.items():
        (home / "values" / name).write_text(text)
    *lines, last = (home / "values" / realm_file_name()).read_text().splitlines()
    assert last == "}"
    (home / "values" / realm_file_name()).unlink()
    target = home / realm_file_name()
    target.write_text("\n".join([*lines, f', "users": {json.dumps(people)}', "}"]))
    return target


def test_realm_follows_a_later_deployment_and_keeps_its_people(tmp_path: Path) -> None:
    """Exported and imported anew with the new settings: the change is there, and every person as they were."""
    keycloak = Keycloak(tmp_path)
    old, new = tmp_path / "old", tmp_path / "new"
    people = [person.represented() for person in PEOPLE[REALM]]
    file = rendered(old, "15m", [person for person in people if "system:masters" not in json.dumps(person)])
    keycloak.run(old, "import", "--file", str(file), "--override", "true")
    before = keycloak.export(old)
    assert before["accessTokenLifespan"] == 900

    file = rendered(new, "10m", before["users"])
    keycloak.run(new, "import", "--file", str(file), "--override", "true")
    after = keycloak.export(new)
    assert after["accessTokenLifespan"] == 600
    assert after["users"] == before["users"]
    assert all(user["credentials"] for user in after["users"])
    assert len(after["users"]) > 5
