"""The requests as a shell script, for a vault that runs already: somebody else's, or one's own when the spec has changed.

Self-initialisation happens once. What the spec grants later, and what it takes away, an administrator applies by this script.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from factory.plan import names
from factory.spec import Factory, Keys

from .policy import find_policies
from .request import ADMINISTRATOR, Policy, Request, Variable, find_requests, policy_file
from .use import find_uses

_HEAD = """\
# Usage: BAO_ADDR=… BAO_TOKEN=… sh apply.sh          (BAO=vault for HashiCorp's)
# Whoever runs it may run it again: it makes what is missing, puts right what differs, and takes away what the spec no longer grants.
# KUBERNETES_HOST, KUBERNETES_CA_CERT and TOKEN_REVIEWER_JWT say once whose ServiceAccount tokens the vault takes.
set -eu
cd "$(dirname "$0")"
bao=${BAO:-bao}
"""


def apply_script(factory: Factory, keys: Keys) -> str:
    """`apply.sh`: beside it lies the folder `policies`."""
    lines = [line for request in find_requests(factory, keys) for line in _lines(request)]
    return "\n".join((_HEAD, *lines, *_removals(factory)))


def _lines(request: Request) -> Iterator[str]:
    special = [value for value in request.data.values() if isinstance(value, (Variable, Policy))]
    if any(isinstance(value, Policy) for value in special):
        (policy,) = special
        yield f'"$bao" policy write {policy.name} policies/{policy_file(policy.name)}\n'
    elif special:
        words = " ".join(f'{key}="${{{value.name}-}}"' for key, value in request.data.items())
        yield f'if [ -n "${{KUBERNETES_HOST-}}" ]; then\n  "$bao" write {request.path} {words}\nfi\n'
    else:
        once = f'"$bao" read {request.path} >/dev/null 2>&1 || ' if request.once else ""
        data = json.dumps(request.data, indent=2)
        yield f"{once}\"$bao\" write {request.path} - <<'JSON'\n{data}\nJSON\n"


def _removals(factory: Factory) -> Iterator[str]:
    """Of roles and policies only. A key whose model is gone may still be needed; nobody has a policy for it any more."""
    kubernetes = names.vault_path(factory.name, "kubernetes")
    roles = " ".join(sorted({names.vault_role(use.workload) for use in find_uses(factory)}))
    policies = " ".join((*sorted(find_policies(factory)), names.vault_policy(factory.name, ADMINISTRATOR)))
    for words, listed, remove in (
        (roles, f'"$bao" list auth/{kubernetes}/role 2>/dev/null | tail -n +3', f'"$bao" delete auth/{kubernetes}/role/"$name"'),
        (policies, f"\"$bao\" policy list | grep '^{factory.name}[.]' || true", '"$bao" policy delete "$name"'),
    ):
        yield f'for name in $({listed}); do\n  case " {words} " in\n    *" $name "*) ;;\n    *) {remove} ;;\n  esac\ndone\n'
