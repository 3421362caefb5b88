"""Random factories for property tests: `specs()` draws the data that a stack file would hold, `factories()` reads it.

Every reference finds its target and every name stands for one thing, so that each draw can be planned. Rules may well refuse it.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from factory.spec import Factory

Data = dict[str, Any]

LONG = "a-name-that-is-as-long-as-a-name-may-be-"
# Names that meet often, that look like parts of other names, and that are as long as they may be: where a naming scheme breaks.
NAMES = st.sampled_from(
    ["a", "b", "c", "in", "out", "dns", "deny-all", "a-to-b", "a-from-b", "b-from-a", "quota", "limits", "namespace", "x9"]
    + [LONG[: 40 - len(end)] + end for end in ("x", "y", "zz", "00")]
)
PORTS = st.sampled_from(["p", "q", "p-from-a", "p-to-b", "https", "fifteen-letters"])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=3, max_size=30)
BLOCKS = st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "169.254.0.0/16", "203.0.113.7/32", "fd00::/8", "::/0"])
HOSTS = st.sampled_from(["pypi.example", "*.pypi.example", "any.pypi.example", "a.b.c.d.example"])
CPU = st.sampled_from(["1", "500m", "2.5"])
MEMORY = st.sampled_from(["512Mi", "64Gi", "2Ti"])
COUNT = st.integers(0, 64)


@st.composite
def specs(draw: DrawFn) -> Data:
    """The spec of a stack file: plain data, camelCase."""
    segments = draw(st.lists(_segment(), min_size=1, max_size=4, unique_by=_name))
    owned = [segment["name"] for segment in segments]
    some = st.lists(st.sampled_from(owned), min_size=1, unique=True)
    cilium = draw(st.booleans())

    datasets = draw(_named(_object(name=NAMES, classification=_words("Public Internal Confidential Restricted"), segment=_one(owned))))
    signing = draw(_named(_signer()))
    signers = [_name(signer) for signer in signing]
    models = [
        model | {"repository": f"registry.example/models/m{number}"}
        for number, model in enumerate(
            draw(_named(_object(name=NAMES, imported=st.booleans(), signers=_some(signers), validators=_some(signers))))
        )
    ]
    pools = [draw(_pool(number, name, some)) for number, name in enumerate(draw(st.lists(NAMES, max_size=3, unique=True)))]
    workloads = draw(
        st.lists(
            _workload(owned, [_name(dataset) for dataset in datasets], [_name(model) for model in models], pools, cilium),
            max_size=5,
            unique_by=lambda workload: (workload["segment"], workload["name"]),
        )
    )
    peers = draw(_named(_peer()))
    inside = [f"{workload['segment']}/{workload['name']}" for workload in workloads]
    signing = [signer | ({"workload": draw(_one(inside))} if inside and draw(st.booleans()) else {}) for signer in signing]
    return {
        "name": draw(_words("f lab a-factory-of-twenty1")),
        "posture": draw(_words("Development Production")),
        "cluster": {
            "distribution": "SelfManaged",
            "version": "1.36",
            "context": "lab",
            "networkPolicy": "Cilium" if cilium else "Kubernetes",
            "clusterNetworkPolicy": draw(st.booleans()),
        },
        "trustDomain": "lab.example",
        "images": {"registries": ["registry.example/apps/"], "signers": draw(_some(signers))},
        "segments": segments,
        "datasets": datasets,
        "models": models,
        "workloads": workloads,
        "peers": peers,
        "flows": draw(_flows(workloads, peers)),
        "pools": pools,
        "queues": draw(_queues(pools, some)),
        "access": draw(_access(some)),
        "identity": {"people": draw(_people(owned))},
        "signers": signing,
    } | draw(st.fixed_dictionaries({}, optional={"keys": _keys(owned), "registry": _registry(owned)}))


def factories() -> SearchStrategy[Factory]:
    """Factories that can be planned."""
    return specs().map(read)


def read(data: Data) -> Factory:
    """The factory that the data describes, read as a stack file is."""
    return Factory.model_validate_json(json.dumps(data))


def shuffled(data: Any) -> SearchStrategy[Any]:
    """The same spec with each of its lists in another order."""
    if isinstance(data, dict):
        return st.fixed_dictionaries({key: shuffled(value) for key, value in data.items()})
    if isinstance(data, list):
        return st.permutations(data).flatmap(lambda items: st.tuples(*map(shuffled, items)).map(list))
    return st.just(data)


def _name(thing: Data) -> str:
    return str(thing["name"])


def _one(words: list[str]) -> SearchStrategy[str]:
    return st.sampled_from(words)


def _some(words: list[str]) -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=2, unique=True) if words else st.just([])


def _words(words: str) -> SearchStrategy[str]:
    return st.sampled_from(words.split())


def _object(**fields: SearchStrategy[Any]) -> SearchStrategy[Data]:
    return st.fixed_dictionaries(fields)


def _named(things: SearchStrategy[Data]) -> SearchStrategy[list[Data]]:
    return st.lists(things, max_size=3, unique_by=_name)


def _segment() -> SearchStrategy[Data]:
    quota = st.fixed_dictionaries({}, optional={"cpu": CPU, "memory": MEMORY, "gpu": COUNT, "pods": COUNT, "storage": MEMORY})
    limits = st.fixed_dictionaries({}, optional={"maxCpu": CPU, "maxMemory": MEMORY})
    stage = _words("Ingestion Training Validation Inference Platform")
    return st.fixed_dictionaries({"name": NAMES, "stage": stage, "owner": NAMES}, optional={"quota": quota, "limits": limits})


def _listeners() -> SearchStrategy[list[Data]]:
    return _named(_object(name=PORTS, port=st.integers(1, 65535), protocol=_words("TCP UDP SCTP")))


def _workload(owned: list[str], datasets: list[str], models: list[str], pools: list[Data], cilium: bool) -> SearchStrategy[Data]:
    port = {"port": st.integers(1, 3), "protocol": _words("TCP UDP"), "because": TEXT}
    egress = _object(cidr=BLOCKS, **port) | (_object(host=HOSTS, **port) if cilium else st.nothing())
    return st.fixed_dictionaries(
        {
            "name": NAMES,
            "segment": _one(owned),
            "listens": _listeners(),
            "reads": _some(datasets),
            "writes": _some(datasets),
            "produces": _some(models),
            "serves": _some(models),
            "egress": st.lists(egress, max_size=3, unique_by=lambda to: (to.get("cidr"), to.get("host"), to["port"], to["protocol"])),
        },
        optional={"pool": _one([_name(pool) for pool in pools])} if pools else {},
    )


def _peer() -> SearchStrategy[Data]:
    shared = {"name": NAMES, "listens": _listeners(), "internet": st.booleans()}
    return _object(cidr=BLOCKS, **shared) | _object(namespace=NAMES, podLabels=st.just({"app": "peer"}), **shared)


@st.composite
def _flows(draw: DrawFn, workloads: list[Data], peers: list[Data]) -> list[Data]:
    inside = {f"{workload['segment']}/{workload['name']}": workload for workload in workloads}
    ends = inside | {_name(peer): peer for peer in peers}
    targets = [(to, listener["name"]) for to, end in ends.items() for listener in end["listens"]]
    pairs = [(source, to, port) for source in ends for to, port in targets if source != to and (source in inside or to in inside)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=8, unique=True)) if pairs else []
    return [{"from": source, "to": to, "port": port, "because": draw(TEXT)} for source, to, port in chosen]


@st.composite
def _pool(draw: DrawFn, number: int, name: str, segments: SearchStrategy[list[str]]) -> Data:
    taints = st.lists(
        st.fixed_dictionaries({"key": _words("a.example/x b")}, optional={"value": st.just("v")}),
        max_size=2,
        unique_by=lambda taint: taint["key"],
    )
    gpu = st.fixed_dictionaries(
        {"api": _words("DevicePlugin DynamicResourceAllocation")}, optional={"mig": st.just("1g.10gb"), "product": st.just("NVIDIA-B200")}
    )
    pool: Data = {"name": name, "segments": draw(segments), "gpu": draw(gpu), "provisioner": draw(_words("Static Karpenter ClusterAPI"))}
    if pool["provisioner"] == "Static":
        names = st.sampled_from([f"n{number}-[0-2]", f"n{number}-[08-11].example", f"n{number}"])
        nodes = _object(names=st.lists(names, min_size=1, unique=True)) | _object(selector=st.just({"example/rack": f"r{number}"}))
        return pool | {"nodes": draw(nodes)}
    if pool["provisioner"] == "Karpenter":
        return pool | {
            "instanceTypes": draw(st.lists(_words("p5.48xlarge g6e.xlarge"), min_size=1, unique=True)),
            "maxGpus": draw(st.integers(1, 64)),
            "nodeClass": {"role": "node", "amiAlias": draw(_words("al2023@v20261015 bottlerocket@1.56.0")), "discovery": "lab"},
            "startupTaints": draw(taints),
        }
    template = {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "MachineTemplate", "name": "gpu"}
    place = {"cluster": "metal", "namespace": "metal", "machineVersion": "v1.36.3", "bootstrap": template, "infrastructure": template}
    return pool | place | {"replicas": draw(COUNT), "startupTaints": draw(taints)}


@st.composite
def _queues(draw: DrawFn, pools: list[Data], segments: SearchStrategy[list[str]]) -> list[Data]:
    if not pools:
        return []
    share = st.fixed_dictionaries(
        {"pool": _one([_name(pool) for pool in pools]), "gpu": COUNT, "cpu": CPU, "memory": MEMORY}, optional={"borrows": COUNT}
    )
    shares = st.lists(share, min_size=1, unique_by=lambda share: share["pool"])
    queue = st.fixed_dictionaries({"name": NAMES, "segments": segments, "shares": shares}, optional={"cohort": NAMES})
    return draw(st.lists(queue, max_size=2, unique_by=_name))


PROVIDERS = st.sampled_from(["a", "a-b", "b", "staff", "staff-x", "sta", "vendors"])
CLAIMS = st.sampled_from(["acr", "amr", "in", "true", "https://claims.example/claims", "a.b", "email", "aud", "claims"])
WORDS = st.sampled_from(["mfa", "true", "it's", "back\\slash", "'] || true || ['", "ü", "{{x}}", '"'])


def _people(segments: list[str]) -> SearchStrategy[Data]:
    several = st.lists(_provider(segments), min_size=1, max_size=3, unique_by=_name)
    return st.fixed_dictionaries({"providers": several.map(_apart)}, optional={"stepUp": _words("SecondFactor PhishingResistant")})


def _apart(providers: list[Data]) -> list[Data]:
    return [provider | {"issuer": f"https://login.example/{number}"} for number, provider in enumerate(providers)]


@st.composite
def _provider(draw: DrawFn, segments: list[str]) -> Data:
    required = _object(claim=CLAIMS, values=st.lists(WORDS, min_size=1, max_size=3, unique=True))
    contract = st.fixed_dictionaries(
        {},
        optional={
            "mfa": _words("SecondFactor PhishingResistant"),
            "mfaClaim": required,
            "phishingResistantClaim": required,
            "device": CLAIMS,
            "risk": _object(claim=CLAIMS, highest=COUNT),
            "networks": required,
            "countries": required,
            "tokenAge": _words("1m 15m 60m"),
            "sessionAge": _words("15m 8h 24h"),
            "contractEnd": CLAIMS,
        },
    )
    provider = st.fixed_dictionaries(
        {"name": PROVIDERS, "people": _words("Staff Vendors"), "contract": contract},
        optional={"user": CLAIMS, "groups": CLAIMS, "audience": WORDS},
    )
    keycloak = {"kind": "Keycloak", "image": "registry.example/apps/keycloak", "certificate": "tls"}
    database = {"host": "db.example", "secret": "db"}
    oidc = _object(kind=st.just("OIDC"), preset=_words("Okta EntraID Google Generic"))
    return draw(provider) | draw(oidc | _one(segments).map(lambda segment: keycloak | {"segment": segment, "database": database}))


@st.composite
def _access(draw: DrawFn, segments: SearchStrategy[list[str]]) -> list[Data]:
    subject = _object(group=_words("lab:research lab:serving")) | _object(serviceAccount=_words("delivery/argo delivery/flux"))
    grant = _object(role=_words("viewer operator"), segments=segments, because=TEXT)
    grants = st.tuples(subject, grant).map(lambda pair: pair[0] | pair[1])
    return draw(st.lists(grants, max_size=3, unique_by=lambda grant: (grant.get("group"), grant.get("serviceAccount"), grant["role"])))


PUBLIC_KEYS = [
    f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"
    for key in (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfPJ7GI0DT36KUjgDBLUaw8CJaeJ3\n8hs1pgtI/EdmmXgHd1UQ247QQCk9msafdDDbun2t5jzpgimeBLedInhz0Q==",
    )
]
"""Two points of P-256 that everybody knows: the base point, and twice that."""
PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUZm9yIHRlc3RzIG9ubHk=\n-----END CERTIFICATE-----\n"


def _signer() -> SearchStrategy[Data]:
    keys = st.lists(st.sampled_from(PUBLIC_KEYS), min_size=1, max_size=2, unique=True)
    issuer, fulcio, rekor, tuf = (st.just(f"https://{part}.example") for part in ("login", "fulcio", "rekor", "tuf"))
    keyless = _object(
        issuer=issuer,
        subject=st.sampled_from(["release@lab.example", "repo:lab/fraud:ref:refs/heads/main"]),
        fulcio=fulcio,
        roots=st.just(PEM),
        rekor=rekor,
        rekorKey=st.just(PUBLIC_KEYS[0]),
        tuf=tuf,
        tufRoot=st.just("eyJzaWduZWQiOnt9fQ=="),
    )
    return _object(name=NAMES, publicKeys=keys) | _object(name=NAMES, keyless=keyless)


def _keys(segments: list[str]) -> SearchStrategy[Data]:
    certificate = st.just(PEM)
    bootstrap = st.fixed_dictionaries({"kind": st.just("Bootstrap")}, optional={"certificate": certificate})
    external = st.fixed_dictionaries({"kind": st.just("External"), "certificate": certificate}, optional={"next": certificate})
    cloud = _object(kind=_words("AwsKms GcpKms"), settings=st.just({"region": "a-1"}))
    seals = cloud | _object(kind=_words("Static Pkcs11 Transit"), secret=NAMES)
    own = _object(
        kind=st.just("OpenBao"),
        segment=_one(segments),
        image=st.just("registry.example/apps/openbao"),
        replicas=st.sampled_from([1, 3, 5]),
        initialized=st.booleans(),
        certificate=NAMES,
        seal=seals,
        administrators=_words("staff:keys a:b"),
    )
    vault = own | _object(kind=st.just("External"), address=st.just("https://vault.example:8200"))
    return st.fixed_dictionaries({"root": bootstrap | external, "vault": vault}, optional={"etcd": _words("Secretbox Kms")})


def _registry(segments: list[str]) -> SearchStrategy[Data]:
    shared = {"kind": st.just("Distribution"), "host": st.just("registry.example"), "segment": _one(segments), "certificate": NAMES}
    shared |= {"image": st.just("registry.example/apps/distribution"), "frozen": st.booleans()}
    role = "arn:aws:iam::123456789012:role/door"
    bucket = st.just({"bucket": "models-lab", "region": "eu-central-1", "writeRole": role, "readRole": role})
    own = _object(storage=MEMORY, **shared) | _object(s3=bucket, **shared)
    return own | _object(kind=st.just("External"), host=st.just("registry.example"), product=_words("Harbor Zot ECR ArtifactRegistry"))
