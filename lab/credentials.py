"""Every certificate and kubeconfig of one lab, made on first use."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.certificate import CLIENT, LOOPBACK, SERVER, Authority, KeyPair, service_account_key
from lab.kubeconfig import ADMIN, write_kubeconfig
from lab.state import State

API_SERVER_HOSTS = (
    *LOOPBACK,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "10.96.0.1",
)
# Who the programs are to the API server: user names that Kubernetes' own roles are bound to, and kwok's.
CLIENTS = {
    "kube-controller-manager": "system:kube-controller-manager",
    "kube-scheduler": "system:kube-scheduler",
    "kwok": "lab:kwok",
    "cleanup-controller": "system:serviceaccount:kyverno:kyverno-cleanup-controller",
    "kyverno": "system:serviceaccount:kyverno:kyverno-admission-controller",
}
WRITER = "registry-writer"
"""Who may write to the registry."""
SERVING = ("keycloak", "openbao", "registry-write", "registry-read", *CLIENTS)
"""Programs with a certificate for this host, beside the API server."""


class Credentials:
    def __init__(self, state: State) -> None:
        self.state = state
        self.cluster = Authority(state.pki, "cluster")
        self.etcd = Authority(state.pki, "etcd")
        self.front_proxy = Authority(state.pki, "front-proxy")
        self.nodes = Authority(state.pki, "nodes")
        self.writers = Authority(state.pki, "writers")
        self.service_account = service_account_key(state.pki)
        self.admin = self.cluster.issue(ADMIN, groups=["system:masters"])
        # etcd dials its own client port for the JSON gateway, with the certificate that it serves.
        self.etcd_server = self.etcd.issue("etcd-server", hosts=LOOPBACK, uses=[SERVER, CLIENT])
        self.etcd_client = self.etcd.issue("etcd-client", common_name="kube-apiserver")
        self.writer = self.writers.issue(WRITER)
        self.proxy_client = self.front_proxy.issue("front-proxy-client")
        self.servers = {
            name: self.cluster.issue(f"{name}-server", hosts=hosts, uses=[SERVER])
            for name, hosts in {"kube-apiserver": API_SERVER_HOSTS, **dict.fromkeys(SERVING, LOOPBACK)}.items()
        }
        self.clients = {name: self.cluster.issue(f"{name}-client", common_name=user) for name, user in CLIENTS.items()}

    def write_kubeconfigs(self, server: str) -> None:
        """For each program its own, and `lab-admin` in the one for people."""
        authority = self.cluster.pair.certificate
        for name, pair in self.clients.items():
            write_kubeconfig(self.state.pki / f"{name}.kubeconfig", server, authority, {name: pair})
        write_kubeconfig(self.state.kubeconfig, server, authority, {ADMIN: self.admin})

    def add_user(self, server: str, name: str, groups: Sequence[str], context: str) -> KeyPair:
        """A client certificate for *name* in *groups*, as *context* of the lab's kubeconfig."""
        file = "user-" + re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}", context)
        pair = self.cluster.issue(file, common_name=name, groups=groups)
        write_kubeconfig(self.state.kubeconfig, server, self.cluster.pair.certificate, {context: pair})
        return pair
