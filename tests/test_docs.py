"""What the pages say is true of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from factory.document import read_text
from factory.spec import Factory

ROOT = Path(__file__).parent.parent
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")})
CONCEPTS = sorted((ROOT / "docs/concepts").glob("*.md"))
BASE = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "lab"},
    "images": {"registries": ["registry.helix.example/apps/"]},
    "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
}
SHARED = {
    "deployer": "factory",
    "posture": "factory",
    "image": "factory",
    "provider": "identity",
    "spire": "workload_identity",
    "cidr": "workload",
    "concept": "factory",
    "quantity": "segment",
}
"""Spec files that are explained on another concept's page."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files that a page links to are there."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("spec", sorted((ROOT / "factory/spec").glob("[!_]*.py")), ids=lambda spec: spec.stem)
def test_every_concept_has_a_page(spec: Path) -> None:
    """A spec file and its page share the stem."""
    assert (ROOT / f"docs/concepts/{SHARED.get(spec.stem, spec.stem)}.md").exists()


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda page: page.stem)
def test_every_example_is_a_spec(page: Path) -> None:
    """The YAML of a page, on the smallest factory, is well-formed: keys, types, units."""
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        data = read_text(block, page.name).data
        spec = data["config"]["ai-factory:spec"] if "config" in data else data
        if not spec.keys() <= {field.alias or name for name, field in Factory.model_fields.items()}:
            assert "kind" in spec or "apiVersion" in spec, f"{page.name} shows neither a spec nor an object: {sorted(spec)}"
            continue
        Factory.model_validate_json(json.dumps(BASE | spec), by_alias=True, by_name=False)
