"""What holds for people whatever a spec says: whom the API server can take them for, and what it asks of them."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import Data, factories, read, specs

from factory.plan import File, names, plan_factory
from factory.plan.authentication import demands
from factory.plan.distribution import unenforced
from factory.plan.people import carries_extra, prefixes
from factory.render import HEADER, _files
from factory.rules import check
from factory.spec import Distribution, Factory

DISTRIBUTIONS = st.sampled_from([each.value for each in Distribution])
properties = settings(max_examples=12, deadline=None)


def with_providers(spec: Data, *providers: Data) -> Data:
    return spec | {"identity": {"people": {"providers": list(providers)}}}


def file(factory: Factory, path: str) -> Any:
    return next(each.content for each in plan_factory(factory).files if each.path == path)


@properties
@given(specs(), st.data(), DISTRIBUTIONS)
def test_no_two_providers_name_the_same_person(spec: Data, data: st.DataObject, distribution: str) -> None:
    """Whatever two providers are called, as long as no rule refuses it: no name of one begins like a name of the other."""
    named = data.draw(st.lists(st.sampled_from(["a", "a-b", "ab", "b", "staff", "staff-x", "system"]), min_size=2, max_size=3))
    base = {"kind": "OIDC", "preset": "Okta", "people": "Staff"}
    providers = [base | {"name": name, "issuer": f"https://login.example/{number}"} for number, name in enumerate(named)]
    spec = with_providers(spec, *providers) | {"cluster": spec["cluster"] | {"distribution": distribution}}
    factory = read(spec)
    refused = {finding.id for finding in check(factory, date(2026, 11, 24))} & {"ZT010", "ZT601"}
    of_all = [prefixes(factory, provider) for provider in factory.providers]
    for kind in (0, 1):
        mine = [prefix[kind] for prefix in of_all]
        clash = [(one, two) for i, one in enumerate(mine) for j, two in enumerate(mine) if i != j and one.startswith(two)]
        assert refused or not clash, clash
        assert refused or not any(prefix.startswith("system:") for prefix in mine)


@properties
@given(factories())
def test_every_provider_asks_for_everything(factory: Factory) -> None:
    """MFA, life of the token, age of the sign-in, audience, name and groups: no contract switches one off; vendors also end."""
    for provider in factory.providers:
        asked = {demand.id for demand in demands(factory, provider)}
        assert {"ZA01", "ZA02", "ZA03", "ZA04", "ZA05", "ZA11", "ZA12"} <= asked
        assert "ZA10" in asked or provider.people.value == "Staff"


@properties
@given(factories())
def test_anonymous_reaches_health_only(factory: Factory) -> None:
    """Whatever the providers, nobody without a name gets past the health paths, and no authorizer says yes to everything."""
    anonymous = file(factory, "authentication.yaml")["anonymous"]
    assert [condition["path"] for condition in anonymous["conditions"]] == ["/healthz", "/livez", "/readyz"]
    assert [authorizer["type"] for authorizer in file(factory, "authorization.yaml")["authorizers"]] == ["Node", "RBAC"]


@properties
@given(factories(), DISTRIBUTIONS)
def test_every_demand_is_enforced_or_covered(factory: Factory, distribution: str) -> None:
    """On a managed control plane each demand is in its form, or the table says what stands in for it. None falls between."""
    factory = factory.model_copy(update={"cluster": factory.cluster.model_copy(update={"distribution": Distribution(distribution)})})
    for field in ("segment", "workload", "providers", "step_up"):
        factory.__dict__.pop(field, None)
    plan = plan_factory(factory)
    if distribution == "SelfManaged":
        assert not any(list(unenforced(factory, provider)) for provider in factory.providers)
        return
    assert not any(each.path == "authentication.yaml" for each in plan.files), "it takes no such file"
    flags: list[File] = [each for each in plan.files if each.path == "kube-apiserver.yaml"]
    assert all("authentication-config" not in each.content for each in flags)
    table = file(factory, "sign-in.md")
    for provider in factory.providers:
        open_ = {demand.id for demand in unenforced(factory, provider)}
        section = table.split(f"## {provider.name}\n")[1].split("\n## ")[0]
        rows = [re.split(r"(?<!\\)\|", line) for line in section.splitlines() if line.startswith("| ZA")]
        assert [row[1].strip() for row in rows] == [demand.id for demand in demands(factory, provider)]
        for _, id, _, enforced, cover, _ in rows:
            assert (enforced.strip() == "no") == (id.strip() in open_) == bool(cover.strip())
    guarded = any(manifest.key == "zg16" for manifest in plan.manifests)
    assert guarded == carries_extra(factory), "a guardrail that nobody could satisfy would lock people out"


@properties
@given(factories(), DISTRIBUTIONS)
def test_rendered_files_are_files(factory: Factory, distribution: str) -> None:
    """What is YAML is YAML, and says the same after a round trip; each begins as a rendered file does."""
    factory = factory.model_copy(update={"cluster": factory.cluster.model_copy(update={"distribution": Distribution(distribution)})})
    plan = plan_factory(factory)
    content = {each.path: each.content for each in plan.files}
    for path, text in _files(plan):
        name = path.removeprefix("control-plane/")
        if name != path:
            assert text.startswith(HEADER)
            if not isinstance(content[name], str):
                documents = content[name] if isinstance(content[name], list) else [content[name]]
                assert list(yaml.safe_load_all(text)) == documents


@properties
@given(factories())
def test_step_up_knows_every_person(factory: Factory) -> None:
    """The guardrail asks whoever has a name that some provider can give, and whoever a spec without people has is left alone."""
    (policy,) = [manifest.body["spec"] for manifest in plan_factory(factory).manifests if manifest.key == "zg16"]
    condition = policy["matchConditions"][0]["expression"]
    assert all(f"'{provider.prefix}'" in condition for provider in factory.providers)
    alone = factory.model_copy(update={"identity": None})
    alone.__dict__.pop("providers", None)
    plan = plan_factory(alone)
    assert not any(manifest.key.startswith("zg16") for manifest in plan.manifests)
    sign_in = {"authentication.yaml", "authorization.yaml", "sign-in.md"}
    assert sign_in.isdisjoint(each.path for each in plan.files), "the cluster keeps the sign-in that it has"


def test_audit_policy_keeps_no_secret() -> None:
    """For every verb on a Secret, a ConfigMap or a token, the first rule that matches keeps no body."""
    spec: Data = {
        "name": "helix",
        "posture": "Production",
        "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
        "trustDomain": "helix.example",
        "images": {"registries": ["registry.example/"]},
        "segments": [{"name": "training", "stage": "Training", "owner": "research"}],
    }
    okta = {"kind": "OIDC", "preset": "Okta", "name": "staff", "people": "Staff", "issuer": "https://login.example"}
    rules = file(read(with_providers(spec, okta)), "audit.yaml")["rules"]

    def level(group: str, resource: str, verb: str) -> str:
        for rule in rules:
            groups = rule.get("resources")
            hit = not rule.get("nonResourceURLs") and not rule.get("users") and not rule.get("userGroups")
            about = groups is None or any(one["group"] == group and resource in one.get("resources", [resource]) for one in groups)
            if hit and about and verb in rule.get("verbs", [verb]):
                return str(rule["level"])
        return "None"

    for verb in ("get", "list", "create", "update", "patch", "delete"):
        assert level("", "secrets", verb) == level("", "configmaps", verb) == level("", "serviceaccounts/token", verb) == "Metadata"
    assert level("rbac.authorization.k8s.io", "rolebindings", "create") == "RequestResponse"
    assert level("rbac.authorization.k8s.io", "rolebindings", "get") == "Metadata"
    assert level("", "pods/exec", "create") == level("", "pods/exec", "get") == "Metadata"
    assert level("apps", "deployments", "update") == "Request"
    assert level("coordination.k8s.io", "leases", "update") == "None"
    assert names.DOMAIN not in str(rules)
