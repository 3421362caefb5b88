"""To act by a sign-in that proves too little."""

from __future__ import annotations

from factory.review.drill.attack import Attack, Tactic, Trial, create, thing
from factory.review.drill.ground import NAME, Ground


def _secret(ground: Ground) -> Trial:
    secret = thing("v1/Secret", NAME, ground.home, type="Opaque")
    return Trial(create(ground.weakly_signed_in, secret), create(ground.administrator, secret))


TACTIC = Tactic(
    "weak sign-in",
    ("T1078",),
    (Attack("an administrator who signed in by password alone writes a Secret", "ZG16", _secret),),
)
