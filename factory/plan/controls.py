"""The controls that planned objects implement: short ids, and where the words behind them stand.

Sources: NIST SP 800-207 *Zero Trust Architecture* (2020) section 2.1; NSA/CISA *Kubernetes Hardening Guide* 1.2 (2022); CIS Kubernetes
Benchmark, section 5 *Policies*.
"""

from __future__ import annotations

TENET_1 = "NIST-800-207-2.1-1"
TENET_2 = "NIST-800-207-2.1-2"
TENET_3 = "NIST-800-207-2.1-3"
TENET_4 = "NIST-800-207-2.1-4"
TENET_5 = "NIST-800-207-2.1-5"
TENET_6 = "NIST-800-207-2.1-6"
TENET_7 = "NIST-800-207-2.1-7"
PODS = "NSA-CISA-pod-security"
NETWORK = "NSA-CISA-network-separation"
AUTHORIZATION = "NSA-CISA-authentication-authorization"
SUPPLY_CHAIN = "NSA-CISA-supply-chain"
CIS_RBAC = "CIS-5.1"
CIS_PODS = "CIS-5.2"
CIS_NETWORK = "CIS-5.3"
CIS_SECRETS = "CIS-5.4"
CIS_ADMISSION = "CIS-5.5"
CIS_NAMESPACES = "CIS-5.6"

CONTROLS: dict[str, str] = {
    TENET_1: "All data sources and computing services are considered resources.",
    TENET_2: "All communication is secured regardless of network location.",
    TENET_3: "Access to individual resources is granted on a per-session basis.",
    TENET_4: "Access to resources is determined by dynamic policy, including the state of client identity, application and asset.",
    TENET_5: "The integrity and security posture of all owned and associated assets is monitored and measured.",
    TENET_6: "All resource authentication and authorization are dynamic and strictly enforced before access is allowed.",
    TENET_7: "As much information as possible about assets, network and communications is collected and used to improve the posture.",
    PODS: "Pod security: non-root containers, immutable file systems, no privilege, enforced at admission.",
    NETWORK: "Network separation: namespaces with default-deny policies, resource policies, no path to the metadata service.",
    AUTHORIZATION: "Authentication and authorization: least privilege by RBAC, no anonymous access.",
    SUPPLY_CHAIN: "Images from trusted registries, by digest.",
    CIS_RBAC: "RBAC and service accounts: no wildcards, no default service account, tokens only where necessary.",
    CIS_PODS: "Pod Security Standards: no privileged containers, host namespaces, escalation or added capabilities.",
    CIS_NETWORK: "Network policies and CNI: every namespace has network policies.",
    CIS_SECRETS: "Secrets management.",
    CIS_ADMISSION: "Extensible admission control: image provenance.",
    CIS_NAMESPACES: "General policies: administrative boundaries by namespace, resource quotas and limits.",
}
"""Each id in a sentence."""
