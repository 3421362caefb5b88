"""DNS of OpenShift."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import WARNED, Problem, rule
from factory.spec import Distribution, Factory


@rule(
    "ZT509",
    "On OpenShift the DNS pods are OpenShift's",
    why="OpenShift's DNS pods live in `openshift-dns` and listen on 5353. With the defaults of other clusters no workload resolves a name.",
    fix="Set `cluster.dns: {namespace: openshift-dns, podLabels: {dns.operator.openshift.io/daemonset-dns: default}, port: 5353}`.",
    references=(controls.NETWORK,),
    severity=WARNED,
)
def find_openshift_dns(factory: Factory) -> Iterator[Problem]:
    dns = factory.cluster.dns
    if factory.cluster.distribution is Distribution.OPENSHIFT and (dns.namespace != "openshift-dns" or dns.port != 5353):
        yield Problem("cluster.dns", "is not that of OpenShift", f"{dns.namespace}:{dns.port}", "openshift-dns:5353")
