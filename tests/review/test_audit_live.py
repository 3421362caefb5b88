"""The cluster as an audit sees it: pages, refusals, outages and contexts, each answered by a stand-in for the API server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from factory.review.audit.live import Cluster, ClusterError, ConflictError, connect

Answer = Callable[[httpx2.Request], httpx2.Response]
GROUPS = [("", "v1", "namespaces", "Namespace", "Cluster"), ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "Namespaced")]
POLICY = ("networking.k8s.io/v1", "NetworkPolicy")
NAMESPACE = ("v1", "Namespace")


def discovery(request: httpx2.Request) -> httpx2.Response | None:
    """What the API server says it serves."""
    if request.url.path not in ("/api", "/apis"):
        return None
    items = [
        {
            "metadata": {"name": group},
            "versions": [{"version": version, "resources": [{"resource": plural, "responseKind": {"kind": kind}, "scope": scope}]}],
        }
        for group, version, plural, kind, scope in GROUPS
        if bool(group) == (request.url.path == "/apis")
    ]
    return httpx2.Response(200, json={"items": items})


@contextmanager
def cluster(answer: Answer) -> Iterator[Cluster]:
    """A cluster that answers so."""
    transport = httpx2.MockTransport(lambda request: discovery(request) or answer(request))
    with Cluster(httpx2.Client(transport=transport, base_url="https://api.example"), "prod") as found:
        found.discover()
        yield found


def page(names: list[str], more: str = "") -> httpx2.Response:
    """One page of a LIST, whose items do not say what they are."""
    return httpx2.Response(200, json={"metadata": {"continue": more}, "items": [{"metadata": {"name": name}} for name in names]})


def refusal(code: int, message: str = "no") -> httpx2.Response:
    """A Status of the API server."""
    return httpx2.Response(code, json={"kind": "Status", "message": message})


def test_lists_every_page_once() -> None:
    """All pages, in order, each item with its kind."""
    pages = {"": page(["a", "b"], "2"), "2": page(["c"])}
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.params.get("continue", ""))
        assert request.url.params["limit"] == "500"
        return pages[asked[-1]]

    with cluster(answer) as live:
        found = live.list_all({POLICY: None})
    assert [(each["kind"], each["metadata"]["name"]) for each in found[POLICY]] == [("NetworkPolicy", name) for name in "abc"]
    assert asked == ["", "2"]


def test_begins_again_when_a_page_has_expired() -> None:
    """A continue token lives for minutes: after HTTP 410 the whole list is asked for at once, and nothing is counted twice."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if "continue" in request.url.params:
            return refusal(410, "expired")
        return page(["a"], "2") if "limit" in request.url.params else page(["a", "b"])

    with cluster(answer) as live:
        assert [each["metadata"]["name"] for each in live.list_all({POLICY: None})[POLICY]] == ["a", "b"]


def test_one_name_is_asked_for_by_selector() -> None:
    """So that a role that names it is enough."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.params["fieldSelector"] == "metadata.name=guardrails"
        return page(["guardrails"])

    with cluster(answer) as live:
        assert len(live.list_all({POLICY: "guardrails"})[POLICY]) == 1


def test_kinds_that_may_not_be_listed_are_never_clean() -> None:
    """All of them in one error, with what to do."""
    with cluster(lambda _: refusal(403)) as live, pytest.raises(ClusterError) as error:
        live.list_all({POLICY: None, NAMESPACE: None})
    assert 'context "prod" may not list namespaces, networkpolicies.networking.k8s.io' in str(error.value)
    assert "ClusterRole" in str(error.value)


def test_a_kind_that_is_not_served_has_no_objects() -> None:
    """Then everything planned of it is missing."""
    with cluster(lambda _: refusal(500)) as live:
        assert live.list_all({("cilium.io/v2", "CiliumNetworkPolicy"): None}) == {("cilium.io/v2", "CiliumNetworkPolicy"): []}


@pytest.mark.parametrize(("code", "kind"), [(500, ClusterError), (401, ClusterError), (409, ConflictError), (422, ConflictError)])
def test_errors_are_said_with_their_context(code: int, kind: type[ClusterError]) -> None:
    """What the API server answered, and through which context."""
    with cluster(lambda _: refusal(code, "because")) as live, pytest.raises(kind, match='context "prod"'):
        live.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "ai-factory")


def test_a_cluster_that_does_not_answer() -> None:
    """One sentence with address and context, no trace."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("connection refused", request=request)

    with (
        cluster(answer) as live,
        pytest.raises(ClusterError, match=r'context "prod": the API server at https://api.example does not answer'),
    ):
        live.list_all({POLICY: None})


def test_writes_say_exactly_which_version_they_mean() -> None:
    """A patch and a deletion fail where somebody was faster; a dry run asks the API server for one."""
    requests: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json={})

    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "uid": "u", "resourceVersion": "7"}}
    with cluster(answer) as live:
        live.patch(body, [{"op": "remove", "path": "/spec"}], "ai-factory", dry_run=True)
        live.delete(body)
    patch, delete = ([json.loads(request.content), dict(request.url.params)] for request in requests)
    assert patch[0][0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert patch[1] == {"fieldManager": "ai-factory", "dryRun": "All"}
    assert delete[0]["preconditions"] == {"uid": "u", "resourceVersion": "7"}


def kubeconfig(folder: Path, name: str, **user: Any) -> Path:
    """A kubeconfig with one context."""
    path = folder / f"{name}.yaml"
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(content))
    return path


def test_contexts_are_looked_for_in_every_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubectl merges them; an unknown one is answered with those that there are."""
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig(tmp_path, 'helix-dev')}:{kubeconfig(tmp_path, 'helix-prod')}:{tmp_path}/none.yaml")
    with pytest.raises(ClusterError, match=r'context "helix-prod": the API server at https://127.0.0.1:1 does not answer'):
        connect("helix-prod")
    with pytest.raises(ClusterError, match=r'there are: helix-dev, helix-prod\. Did you mean "helix-prod"\?'):
        connect("helix-pro")


@pytest.mark.parametrize("text", ["", "[]", "clusters: [", "a: b", "clusters: 1\ncontexts: 2"])
def test_a_file_that_is_no_kubeconfig(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in one line with its path."""
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(ClusterError, match=r"config is not a kubeconfig|is not in"):
        connect("helix")


@pytest.mark.parametrize("version", ["v1beta1", "v1"])
def test_programs_that_sign_in(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exec plugin of either version is started; one that fails is named."""
    program = tmp_path / "sign-in"
    program.write_text("#!/bin/sh\necho no >&2\nexit 3\n")
    program.chmod(0o700)
    exec_ = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": str(program), "interactiveMode": "Never"}
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, "helix", exec=exec_)))
    with pytest.raises(ClusterError, match=r'context "helix" cannot sign in: .*returned 3: no'):
        connect("helix")
