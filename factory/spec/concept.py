"""The base of everything that a spec says, and the words that its fields are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


class Concept(BaseModel):
    """A strict, frozen, camelCase part of a spec: unknown keys are errors, values are never coerced, absent means the stated default."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,  # only the factory is ever validated: one schema is built, not forty
    )


LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
"""RFC 1123 label that starts with a letter, so that it also serves as a Service and port name."""

REFERENCE = r"^[a-z]([-a-z0-9]*[a-z0-9])?/[a-z]([-a-z0-9]*[a-z0-9])?$"
PEER = r"^[a-z]([-a-z0-9]*[a-z0-9])?(/[a-z]([-a-z0-9]*[a-z0-9])?)?$"
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"
REPOSITORY = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"
IMAGE = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
REGISTRY = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*/$"
LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
NODE_NAMES = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(-?\[[0-9]{1,4}-[0-9]{1,4}\]([-a-z0-9.]*[a-z0-9])?)?$"
CPU = r"^([1-9][0-9]*m?|[0-9]+\.[0-9]{1,3})$"
MEMORY = r"^[1-9][0-9]*(Ki|Mi|Gi|Ti|Pi)$"
VOLUME = r"^[1-9][0-9]{0,3}(Gi|Ti)$"
VERSION = r"^1\.(3[3-9])$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
RULE_ID = r"^ZT[0-9]{3}$"
DURATION = r"^[1-9][0-9]{0,4}(m|h)$"
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
ISSUER = r"^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*/?$"
CLAIM = r"^[A-Za-z_][A-Za-z0-9_.:/-]*$"
GROUP = r"^[^\x00-\x1f\x7f]+$"
USER = r"^[a-z][-a-z0-9]*:\S+$"
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
CERTIFICATE = r"^-----BEGIN CERTIFICATE-----\n"
ONE_CERTIFICATE = r"^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=]{1,76}\n)+-----END CERTIFICATE-----\n?$"
PUBLIC_KEY = r"^-----BEGIN PUBLIC KEY-----\n"
TUF_ROOT = r"^[A-Za-z0-9+/]+={0,2}$"
AUDIENCE = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
REGION = r"^[a-z0-9-]+$"
ENDPOINT = r"^https://[a-z0-9.-]+(:[0-9]+)?$"
ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$"
SCHEDULE = r"^[0-9*/,-]+( [0-9*/,-]+){4}$"
BUNDLE_ENDPOINT = r"^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$"
SPIFFE_ID = r"^spiffe://[a-z0-9.-]+(/[A-Za-z0-9._-]+)+$"

WORDS = {
    LABEL: 'lower-case letters, digits and "-", starting with a letter, such as "feature-store"',
    REFERENCE: 'a workload as "segment/workload", such as "training/trainer"',
    PEER: 'a workload as "segment/workload", or the name of a peer',
    SUBDOMAIN: 'a lower-case DNS name, such as "helix.example"',
    HOST: 'a host name such as "pypi.example", or "*.pypi.example" for one level below it',
    REPOSITORY: 'a registry and a repository without tag, such as "registry.helix.example/models/fraud"',
    IMAGE: 'an image with its registry, such as "registry.helix.example/apps/server@sha256:<64 hex digits>"',
    REGISTRY: 'a registry or a path in it that ends in "/", such as "registry.helix.example/apps/"',
    LABEL_KEY: 'a Kubernetes label key, such as "nvidia.com/gpu.product"',
    LABEL_VALUE: 'a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
    NODE_NAMES: 'a node name, or a range of them such as "gpu-h100-[0-15]"',
    CPU: 'a CPU quantity in quotes: cores such as "4", or millicores such as "500m"',
    MEMORY: 'a memory quantity with a binary unit: "512Mi", "64Gi", "2Ti"',
    VOLUME: 'a volume size: "200Gi", "2Ti"',
    VERSION: 'a Kubernetes minor version in quotes, "1.33" or newer, such as "1.36"',
    DATE: 'a date such as "2027-03-31"',
    RULE_ID: 'the id of a rule, such as "ZT103"',
    DURATION: 'minutes or hours, such as "15m" or "8h"',
    MOMENT: 'a moment in UTC, such as "2026-12-01T17:00:00Z"',
    ISSUER: 'an https URL without query, exactly as tokens have it in `iss`, such as "https://login.helix.example/realms/staff"',
    CLAIM: 'the name of a claim, such as "device_managed"',
    GROUP: 'a group as the API server names it, in one line, such as "staff:ml-research"',
    USER: 'a person as the API server names them: provider and name, such as "staff:alice"',
    PRINTABLE: "text on one line",
    CERTIFICATE: 'PEM text that begins with "-----BEGIN CERTIFICATE-----"',
    ONE_CERTIFICATE: "one certificate in PEM and nothing beside it",
    PUBLIC_KEY: 'PEM text that begins with "-----BEGIN PUBLIC KEY-----"',
    TUF_ROOT: "base64 on one line",
    AUDIENCE: 'who the token is for, such as "vault" or "https://vault.helix.example"',
    BUCKET: 'the name of a bucket, such as "helix-models"',
    REGION: 'a region, such as "eu-central-1"',
    ENDPOINT: 'an https URL without path, such as "https://bucket.vpce-1a2b.s3.eu-central-1.vpce.amazonaws.com"',
    ROLE_ARN: 'the ARN of an IAM role, such as "arn:aws:iam::123456789012:role/helix-registry-write"',
    SCHEDULE: 'a cron schedule of five fields in UTC, such as "0 3 * * 0"',
    BUNDLE_ENDPOINT: 'an https URL without query, such as "https://spire.partner.example:8443"',
    SPIFFE_ID: 'a SPIFFE ID with a path, such as "spiffe://partner.example/spire/server"',
}
"""What each pattern means, in words: the *allowed* of an error."""

Name = Annotated[str, StringConstraints(pattern=LABEL, max_length=40)]
PeerName = Annotated[str, StringConstraints(pattern=PEER, max_length=81)]
Reference = Annotated[str, StringConstraints(pattern=REFERENCE, max_length=81)]
Subdomain = Annotated[str, StringConstraints(pattern=SUBDOMAIN, max_length=253)]
Text = Annotated[str, StringConstraints(min_length=3, max_length=256)]
Cpu = Annotated[str, StringConstraints(pattern=CPU)]
Memory = Annotated[str, StringConstraints(pattern=MEMORY)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Port = Annotated[int, Field(ge=1, le=65535)]
Repository = Annotated[str, StringConstraints(pattern=REPOSITORY, max_length=255)]
LabelKey = Annotated[str, StringConstraints(pattern=LABEL_KEY, max_length=317)]
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE, max_length=63)]
Duration = Annotated[str, StringConstraints(pattern=DURATION)]
Labels = dict[LabelKey, LabelValue]
