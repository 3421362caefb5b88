"""What `make up` has built, where it is and what to try next: `python -m stacks.summary <stack>`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

from factory.load import load_stack
from factory.plan import plan_factory


def main(stack: str) -> None:
    """Prints the summary of a stack, by component."""
    path = Path(f"stacks/Pulumi.{stack}.yaml")
    factory = load_stack(path).factory
    plan = plan_factory(factory)
    components = Counter(component.kind for component in plan.intents)
    kinds = Counter(manifest.body["kind"] for manifest in plan.manifests)
    print(f"\nFactory {factory.name} ({factory.posture.value}) stands: {len(plan.manifests)} objects.")
    print("  components  " + ", ".join(f"{count} {kind}" for kind, count in components.items() if kind != "AiFactory"))
    print("  objects     " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(6)) + ", …")
    print(f"  kubeconfig  {os.environ.get('KUBECONFIG', 'of your own')}, context {factory.cluster.context}")
    print(f"""
Try next:
  eval "$(.venv/bin/lab env)"                    # kubectl, pulumi and the lab's kubeconfig
  kubectl get networkpolicies -A                 # nothing talks unless one of these says so
  kubectl get nodes -L ai-factory.dev/pool       # the GPU pools
  {f"factory explain {path}":46} # who can reach what, and why
  edit {path}, then make preview, then make up
  make down                                      # end the lab""")


if __name__ == "__main__":
    main(sys.argv[1])
