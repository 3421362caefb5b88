"""The one place that turns a manifest into a resource.

Registered through the raw `kubernetes:<group>/<version>:<Kind>` token, which is what the typed classes and `CustomResource` of
`pulumi_kubernetes` send too: the same provider and the same state, without importing some thousand classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pulumi

from factory.plan import Body, Manifest

HOLDS_DATA = frozenset({"Namespace", "PersistentVolumeClaim"})
"""Kinds whose deletion destroys what cannot be planned again: a namespace takes its volume claims with it."""

UNSEEN = frozenset({"Deployment", "PersistentVolumeClaim", "Service", "StatefulSet"})
"""Kinds that the provider waits for by looking at pods, ReplicaSets, endpoints and storage classes, none of which the deployer may read: it
would wait ten minutes for what it never sees."""

READY = {"ImageValidatingPolicy": "jsonpath={.status.conditionStatus.ready}=true"}
"""What must be so before anything that comes after: Kyverno has read the policy and is asked about it. Until then it would hold nobody."""


def apply(
    manifest: Manifest,
    parent: pulumi.ComponentResource,
    *,
    namespace: pulumi.Resource | None,
    after: Iterable[pulumi.CustomResource],
    protect: bool,
) -> pulumi.CustomResource:
    """Registers one object as a child of its component.

    `namespace` is the one that it lives in, where the plan has it. The object goes down with it instead of before it, so that Kubernetes
    stops the pods first and their network policies last (KEP-5080, CVE-2024-7598). `after` is what must exist before it. `protect` lets
    nobody delete what holds data.

    Raises RunError without an explicit provider: the ambient context of a kubeconfig may be any cluster.
    """
    if parent.get_provider(token(manifest)) is None:
        raise pulumi.RunError(
            f'{type(parent).__name__} "{parent.pulumi_resource_name}" has no Kubernetes provider. '
            "Give it one: opts=pulumi.ResourceOptions(provider=connect(build))."
        )
    after = [*after]
    return pulumi.CustomResource(
        token(manifest),
        manifest.name,
        _inputs(manifest, after),
        pulumi.ResourceOptions(
            parent=parent,
            depends_on=[*([namespace] if namespace else []), *after],
            deleted_with=namespace,
            # Every name is fixed, and a fixed name cannot exist twice.
            delete_before_replace=True,
            protect=True if protect and manifest.body["kind"] in HOLDS_DATA else None,
        ),
    )


def token(manifest: Manifest) -> str:
    """The resource type: `kubernetes:core/v1:Namespace`, or `kubernetes:core/v1:NodePatch` for a patch."""
    version = manifest.body["apiVersion"]
    group = version if "/" in version else f"core/{version}"
    return f"kubernetes:{group}:{manifest.body['kind']}{'Patch' if manifest.patch else ''}"


def _inputs(manifest: Manifest, after: Sequence[pulumi.CustomResource]) -> Body:
    """The body as the provider is given it."""
    if manifest.patch:
        return _told(manifest.body, "patchForce")
    if manifest.body["kind"] in UNSEEN:
        return _told(manifest.body, "skipAwait")
    if manifest.body["kind"] in READY:
        return _told(manifest.body, "waitFor", READY[manifest.body["kind"]])
    if "policyName" in manifest.body.get("spec", {}) and after:
        return _bound(manifest.body, after[0])
    return manifest.body


def _bound(binding: Body, policy: pulumi.CustomResource) -> Body:
    """The binding of an admission policy, its name unknown until the policy exists.

    The API server reads the policy to learn which rights its parameters ask for, and refuses a binding to one that it does not find to
    whoever may not read everything (KEP-3488). A preview, which is a dry run of each object alone, would fail on a new factory; the
    provider makes none of an object with a value that is not known yet.
    """
    name = binding["spec"]["policyName"]
    return {**binding, "spec": {**binding["spec"], "policyName": policy.id.apply(lambda _: name)}}


def _told(body: Body, what: str, how: str = "true") -> Body:
    """The body with an annotation of the provider's.

    `patchForce` takes fields over from other field managers: a node's taints are one atomic list, which the node lifecycle controller
    writes too. `skipAwait` ends with the object, whether or not anything runs; `waitFor` when its status says so.
    """
    metadata = body["metadata"]
    annotations = {**metadata.get("annotations", {}), f"pulumi.com/{what}": how}
    return {**body, "metadata": {**metadata, "annotations": annotations}}
