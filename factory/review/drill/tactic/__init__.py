"""What attackers are after, one tactic a file."""

from __future__ import annotations

from factory.review.drill.attack import Tactic

from . import (
    deployer_reach,
    ephemeral_container,
    escape,
    guardrail_tampering,
    identity_forgery,
    image_trick,
    network_widening,
    pool_hopping,
    priority_abuse,
    privilege,
    quota_abuse,
    rbac_escalation,
    registry,
    segment_label,
    service,
    session,
    template_kind,
    theft,
    token_minting,
    unsigned,
    vault,
    weak_sign_in,
)

TACTICS: tuple[Tactic, ...] = (
    identity_forgery.TACTIC,
    pool_hopping.TACTIC,
    theft.TACTIC,
    registry.TACTIC,
    vault.TACTIC,
    privilege.TACTIC,
    escape.TACTIC,
    guardrail_tampering.TACTIC,
    segment_label.TACTIC,
    rbac_escalation.TACTIC,
    deployer_reach.TACTIC,
    token_minting.TACTIC,
    weak_sign_in.TACTIC,
    session.TACTIC,
    ephemeral_container.TACTIC,
    template_kind.TACTIC,
    image_trick.TACTIC,
    unsigned.TACTIC,
    quota_abuse.TACTIC,
    network_widening.TACTIC,
    priority_abuse.TACTIC,
    service.TACTIC,
)
"""In the order in which they are shown."""
