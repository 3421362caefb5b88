"""Secrets at rest: how the API server encrypts them before etcd sees them, or what a managed control plane takes instead.

No key is in a plan. `Secretbox` leaves a place for one, which whoever runs the control plane fills in on its disk; `Kms` names the socket
of a plugin that holds it (Kubernetes, *Encrypting Confidential Data at Rest*; KEP-3299 *KMS v2*).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Distribution, EtcdEncryption, Factory

from . import controls, names
from .manifest import Because, File

ENCRYPTION = "encryption.yaml"
PLACEHOLDER = "REPLACE_BY_32_RANDOM_BYTES_IN_BASE64"
"""Where the key of secretbox belongs. As it stands the API server does not start with it."""
SOCKET = "unix:///var/run/kmsplugin/socket.sock"
"""Where a KMS v2 plugin listens on the control plane."""
RESOURCES = ("secrets",)

CONTROLS = (controls.TENET_2, controls.CIS_SECRETS)

_MANAGED = {
    Distribution.EKS: (
        "encrypts all of etcd with a key of AWS's from Kubernetes 1.28 on; with one of your own, for good:",
        "aws eks associate-encryption-config --cluster-name NAME"
        ' --encryption-config \'[{"resources": ["secrets"], "provider": {"keyArn": "ARN"}}]\'',
        "rotate the key in KMS: what it encrypted before stays readable.",
    ),
    Distribution.AKS: (
        "encrypts etcd's disks with a key of Azure's; Secrets with one of your own, through KMS v2:",
        "az aks update --resource-group GROUP --name NAME --enable-azure-keyvault-kms --azure-keyvault-kms-key-id KEY_ID",
        "rotate the key in Key Vault, run the command with its new version, then write every Secret again.",
    ),
    Distribution.GKE: (
        "encrypts etcd's disks with a key of Google's; Secrets with one of your own:",
        "gcloud container clusters update NAME --location LOCATION"
        " --database-encryption-key projects/P/locations/L/keyRings/R/cryptoKeys/KEY",
        "rotate the key in Cloud KMS, then write every Secret again.",
    ),
    Distribution.OPENSHIFT: (
        "encrypts nothing until it is told to:",
        'oc patch apiserver cluster --type=merge --patch \'{"spec": {"encryption": {"type": "aesgcm"}}}\'',
        "its operator rotates the key every week, and writes every Secret again.",
    ),
}
"""What it does by itself, the command, and how its key is rotated (each vendor's page on encrypting Secrets)."""


def etcd_flags(factory: Factory) -> dict[str, Any]:
    """Flags of kube-apiserver that put the file in force; none for a control plane that is not ours."""
    if not _is_own(factory):
        return {}
    return {
        "encryption-provider-config": f"{names.INSTALL_PREFIX}/{ENCRYPTION}",
        "encryption-provider-config-automatic-reload": True,
    }


def plan_etcd(factory: Factory) -> Iterator[File]:
    """The EncryptionConfiguration, or the managed control plane's own way. Nothing without `keys.etcd`."""
    if factory.keys is None or factory.keys.etcd is None:
        return
    because = Because("keys.etcd", "Secrets are encrypted before etcd sees them", CONTROLS)
    if not _is_own(factory):
        yield File("secrets-at-rest.md", _page(factory.cluster.distribution), because)
        return
    if factory.keys.etcd is EtcdEncryption.SECRETBOX:
        provider: dict[str, Any] = {"secretbox": {"keys": [{"name": "key1", "secret": PLACEHOLDER}]}}
    else:
        provider = {"kms": {"apiVersion": "v2", "name": factory.name, "endpoint": SOCKET, "timeout": "3s"}}
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        # What is there already, in plain text, must stay readable until it is written again.
        "resources": [{"resources": list(RESOURCES), "providers": [provider, {"identity": {}}]}],
    }
    yield File(ENCRYPTION, configuration, because)


def _is_own(factory: Factory) -> bool:
    return bool(factory.keys and factory.keys.etcd) and factory.cluster.distribution is Distribution.SELF_MANAGED


def _page(distribution: Distribution) -> str:
    does, command, rotation = _MANAGED[distribution]
    again = "kubectl get secrets --all-namespaces -o json | kubectl replace -f -"
    lines = (f"{distribution} {does}", "", f"    {command}", "", f"To rotate: {rotation} To write every Secret again:", "", f"    {again}")
    return "\n".join(lines) + "\n"
