"""Golden plans: what each stack file of `stacks/` plans, written down. `make golden` writes them again.

`<stack>.txt` names every object of a stack. `<stack>.yaml` shows whole objects: all of `example`, the smallest stack, and of the others
those whose kind it does not have.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from factory.load import load_stack
from factory.plan import Manifest, Plan, plan_factory

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "golden"
SMALLEST = "example"
STACKS = {path.stem.removeprefix("Pulumi."): path for path in sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))}


def plan_of(stack: str) -> Plan:
    """The plan of a stack file, by the stack's name."""
    return plan_factory(load_stack(STACKS[stack]).factory)


def names_of(plan: Plan) -> str:
    """One line an object: its type, its logical name, and the live object that it is. The first two are Pulumi's identity of it."""
    return "".join(sorted(f"{_type(manifest)} {manifest.name} = {manifest.reference.split(' ')[1]}\n" for manifest in plan.manifests))


def objects_of(stack: str, plan: Plan) -> str:
    """Whole objects, in the order of their creation."""
    shown = set() if stack == SMALLEST else {_type(manifest) for manifest in plan_of(SMALLEST).manifests}
    bodies = [manifest.body for manifest in plan.manifests if _type(manifest) not in shown]
    return yaml.dump_all(bodies, Dumper=_Dumper, sort_keys=False, width=140, allow_unicode=True)


def golden() -> dict[str, str]:
    """What the folder should hold: content by file name."""
    plans = {stack: plan_of(stack) for stack in STACKS}
    files = {f"{stack}.txt": names_of(plan) for stack, plan in plans.items()}
    return files | {f"{stack}.yaml": objects for stack, plan in plans.items() if (objects := objects_of(stack, plan))}


def _type(manifest: Manifest) -> str:
    return f"{manifest.body['apiVersion']}/{manifest.body['kind']}{'Patch' if manifest.patch else ''}"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def main() -> None:
    """Writes all golden plans, and removes those of stacks that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, content in golden().items():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()
