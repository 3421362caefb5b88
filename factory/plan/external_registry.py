"""A registry that somebody else runs: what it must be configured with, for whoever runs it. No object of the plan, and nothing secret.

Each product is told the same three things: a tag that was given stays (admission goes by digest, but people read tags), those who make or
sign a model push into its repository, and nodes pull. Tags `sha256-…` may move: where a registry has no referrers API, clients keep the
list of a model's signatures there (OCI distribution 1.1, *Referrers tag schema*).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.spec import ExternalRegistry, Factory, RegistryProduct

from . import controls, names
from .manifest import Because, Body, File

FORMS: Mapping[RegistryProduct, str] = {
    RegistryProduct.HARBOR: "a host name of your own",
    RegistryProduct.ZOT: "a host name of your own",
    RegistryProduct.ECR: "<account>.dkr.ecr.<region>.amazonaws.com",
    RegistryProduct.ARTIFACT_REGISTRY: "<location>-docker.pkg.dev",
}
"""What the host of each product looks like."""

_HOSTS = {
    RegistryProduct.ECR: re.compile(r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"),
    RegistryProduct.ARTIFACT_REGISTRY: re.compile(r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev"),
}

FILE: Mapping[RegistryProduct, str] = {
    RegistryProduct.HARBOR: "harbor.json",
    RegistryProduct.ZOT: "zot.yaml",
    RegistryProduct.ECR: "ecr.json",
    RegistryProduct.ARTIFACT_REGISTRY: "artifact-registry.yaml",
}
"""The file that is written for each product."""
FILES = tuple(FILE.values())

MOVABLE = "sha256-*"
"""Tags that clients move: see above."""

ECR_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
ECR_PUSH = (*ECR_PULL, "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
"""Actions of those who pull and of those who push (AWS: *Actions, resources, and condition keys for Amazon ECR*). None deletes."""

ROBOT_LIFE = 90
"""Days for which a Harbor robot's secret is good."""


def is_host_of(registry: ExternalRegistry) -> bool:
    """Whether the host may be one of the product."""
    form = _HOSTS.get(registry.product)
    return form is None or form.fullmatch(registry.host) is not None


def plan_external_registry(factory: Factory) -> Iterator[File]:
    """The file for whoever runs the registry. None where the factory runs it itself, or the host is not the product's."""
    registry = factory.registry
    if isinstance(registry, ExternalRegistry) and is_host_of(registry):
        because = Because("registry", f"what {registry.product.value} must be configured with", (controls.TENET_3, controls.SUPPLY_CHAIN))
        content = {
            RegistryProduct.HARBOR: _harbor,
            RegistryProduct.ZOT: _zot,
            RegistryProduct.ECR: _ecr,
            RegistryProduct.ARTIFACT_REGISTRY: _artifact_registry,
        }[registry.product](factory, registry)
        yield File(FILE[registry.product], content, because)


def find_pushes(factory: Factory) -> dict[str, tuple[str, ...]]:
    """The repositories, without host, that each workload pushes into: those of models that it produces, and of those that it signs."""
    found: dict[str, set[str]] = {}
    for model in factory.models:
        makers = {workload.reference for workload in factory.workloads if model.name in workload.produces}
        signers = {signer for name in (*model.signers, *model.validators) if (signer := factory.signer[name].workload)}
        for workload in makers | signers:
            found.setdefault(workload, set()).add(_path(model.repository))
    return {workload: tuple(sorted(paths)) for workload, paths in sorted(found.items())}


def _path(repository: str) -> str:
    return repository.partition("/")[2]


def _paths(factory: Factory) -> list[str]:
    return sorted({_path(model.repository) for model in factory.models})


def _harbor(factory: Factory, _: ExternalRegistry) -> Body:
    """Harbor's API: projects, their immutable tag rules, robot accounts. Its rights end at the project, the first part of a repository."""
    projects = sorted({path.partition("/")[0] for path in _paths(factory)})

    def robot(name: str, granted: list[str], actions: tuple[str, ...]) -> Body:
        access = [{"resource": "repository", "action": action} for action in actions]
        permissions = [{"kind": "project", "namespace": project, "access": access} for project in granted]
        return {"name": name, "level": "system", "duration": ROBOT_LIFE, "disable": False, "permissions": permissions}

    rule = {
        "template": "immutable_template",
        "action": "immutable",
        "disabled": False,
        "tag_selectors": [{"kind": "doublestar", "decoration": "excludes", "pattern": MOVABLE}],
        "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]},
    }
    pushing = [
        robot(_word(factory, workload), sorted({path.partition("/")[0] for path in paths}), ("pull", "push"))
        for workload, paths in find_pushes(factory).items()
    ]
    return {
        "projects": [{"project_name": project, "metadata": {"public": "false"}} for project in projects],
        "immutabletagrules": {project: [rule] for project in projects},
        "robots": [*pushing, robot(f"{factory.name}-nodes", projects, ("pull",))],
    }


def _zot(factory: Factory, _: ExternalRegistry) -> Body:
    """zot's own access control, below `http` of its configuration. A user is the common name of a client certificate. Without `update` and
    `delete`, what was pushed stays."""
    pushes = find_pushes(factory)
    repositories: Body = {"**": {"policies": [], "defaultPolicy": [], "anonymousPolicy": []}}
    for path in _paths(factory):
        users = [_word(factory, workload) for workload, paths in pushes.items() if path in paths]
        policies = [{"users": users, "actions": ["read", "create"]}] if users else []
        reads = {"users": [f"{factory.name}-nodes"], "actions": ["read"]}
        repositories[path] = {"policies": [*policies, reads], "defaultPolicy": [], "anonymousPolicy": []}
    return {"http": {"accessControl": {"repositories": repositories}}}


def _ecr(factory: Factory, registry: ExternalRegistry) -> Body:
    """ECR's repositories (*CreateRepository*), and an IAM policy for each role: one a workload that pushes, and one of the nodes."""
    host = _HOSTS[RegistryProduct.ECR].fullmatch(registry.host)
    assert host is not None  # the caller has looked
    partition = "aws-cn" if registry.host.endswith(".cn") else "aws"
    kept: Body = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": MOVABLE}],
    }

    def policy(actions: tuple[str, ...], paths: Iterator[str]) -> Body:
        arns = [f"arn:{partition}:ecr:{host['region']}:{host['account']}:repository/{path}" for path in paths]
        return {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": ["*"]},
                {"Effect": "Allow", "Action": sorted(actions), "Resource": arns},
            ],
        }

    return {
        "repositories": [{"repositoryName": path, **kept} for path in _paths(factory)],
        "policies": {
            **{_word(factory, workload): policy(ECR_PUSH, iter(paths)) for workload, paths in find_pushes(factory).items()},
            f"{factory.name}-nodes": policy(ECR_PULL, iter(_paths(factory))),
        },
    }


def _artifact_registry(factory: Factory, registry: ExternalRegistry) -> Body:
    """Artifact Registry's repositories with who holds which role on each. Its rights end at the repository, project and name; it cannot let
    some tags move, and needs not: it serves referrers."""
    host = _HOSTS[RegistryProduct.ARTIFACT_REGISTRY].fullmatch(registry.host)
    assert host is not None  # the caller has looked
    pushes = {workload: {_google(path, host["location"]) for path in paths} for workload, paths in find_pushes(factory).items()}
    repositories = []
    for name in sorted({_google(path, host["location"]) for path in _paths(factory)}):
        writers = [_subject(factory, workload) for workload, found in pushes.items() if name in found]
        roles = {"roles/artifactregistry.writer": writers, "roles/artifactregistry.reader": ["service account of the nodes"]}
        repositories.append({"name": name, "format": "DOCKER", "dockerConfig": {"immutableTags": True}, "roles": roles})
    return {"repositories": repositories}


def _google(path: str, location: str) -> str:
    project, _, rest = path.partition("/")
    return f"projects/{project}/locations/{location}/repositories/{rest.partition('/')[0]}"


def _word(factory: Factory, workload: str) -> str:
    """A workload as a user elsewhere: `helix-training-trainer`."""
    return f"{factory.name}-{workload.replace('/', '-')}"


def _subject(factory: Factory, workload: str) -> str:
    """A workload as Google's workload identity names it: `ns/helix-training/sa/trainer`."""
    segment, _, name = workload.partition("/")
    return f"ns/{names.namespace(factory.name, segment)}/sa/{name}"
