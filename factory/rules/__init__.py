"""What must hold across the fields of a spec: one rule a file, checked before anything is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import chain

from factory.errors import Finding, Severity
from factory.spec import Factory

from .alien_host import find_alien_hosts
from .ambiguous_choice import find_ambiguous_choices
from .backward_data import find_backward_data
from .backward_flow import find_backward_flows
from .bootstrap_root import find_bootstrap_roots
from .builtin_group import find_builtin_groups
from .busy_door import find_busy_doors
from .crowded_provider import find_crowded_providers
from .crowded_vault import find_crowded_vaults
from .dangling_dataset import find_dangling_datasets
from .dangling_listener import find_dangling_listeners
from .dangling_model import find_dangling_models
from .dangling_peer import find_dangling_peers
from .dangling_pool import find_dangling_pools
from .dangling_role import find_dangling_roles
from .dangling_segment import find_dangling_segments
from .dangling_signer import find_dangling_signers
from .dangling_workload import find_dangling_workloads
from .deaf_vault import find_deaf_vaults
from .default_account import find_default_accounts
from .default_over_limit import find_defaults_over_limit
from .deployer_inside import find_deployers_inside
from .deployer_person import find_deployer_people
from .divided_keycloak import find_divided_keycloaks
from .divided_vault import find_divided_vaults
from .duplicate_name import find_duplicate_names
from .duplicate_waiver import find_duplicate_waivers
from .eligible import Grants
from .empty_segment import find_empty_segments
from .ended_grant import find_ended_grants
from .ended_root import find_ended_roots
from .ending_root import find_ending_roots
from .endless_waiver import find_endless_waivers
from .escalating_permission import find_escalating_permissions
from .exfiltration import find_exfiltration
from .expired_waiver import find_expired_waivers
from .exposed_data import find_exposed_data
from .false_root import find_false_roots
from .foreign_data import find_foreign_data
from .foreign_endpoint import find_foreign_endpoints
from .foreign_image import find_foreign_images
from .foreign_repository import find_foreign_repositories
from .hasty_rotation import find_hasty_rotations
from .hidden_session import find_hidden_sessions
from .idle_pool import find_idle_pools
from .image_volume_version import find_image_volume_versions
from .ineligible_grant import find_ineligible_grants
from .internet_entry import find_internet_entries
from .karpenter_claim import find_karpenter_claims
from .kubelet_skew import find_kubelet_skew
from .laptop_context import find_laptop_contexts
from .lasting_identity import find_lasting_identities
from .latest_ami import find_latest_amis
from .latest_image import find_latest_images
from .lenient_vendor import find_lenient_vendors
from .limit_over_quota import find_limits_over_quota
from .local_etcd_key import find_local_etcd_keys
from .lonely_borrower import find_lonely_borrowers
from .lonely_vault import find_lonely_vaults
from .long_eligibility import find_long_eligibility
from .long_grant import find_long_grants
from .long_intermediate import find_long_intermediates
from .long_session import find_long_sessions
from .metadata_egress import find_metadata_egress
from .misplaced_production import find_misplaced_productions
from .misplaced_provisioner import find_misplaced_provisioners
from .misplaced_registry import find_misplaced_registries
from .misplaced_role import find_misplaced_roles
from .misplaced_serving import find_misplaced_servings
from .missing_cluster_tier import find_missing_cluster_tiers
from .missing_digest import find_missing_digests
from .missing_gpu_quota import find_missing_gpu_quotas
from .missing_quota import find_missing_quotas
from .missing_ticket import find_missing_tickets
from .mutual_approval import find_mutual_approvals
from .named_egress import find_named_egress
from .openshift_dns import find_openshift_dns
from .optional_digest import find_optional_digests
from .overcommitted_pool import find_overcommitted_pools
from .own_approval import find_own_approvals
from .own_federation import find_own_federations
from .own_promotion import find_own_promotions
from .own_validation import find_own_validations
from .peer_to_peer_flow import find_peer_to_peer_flows
from .placeholder import find_placeholders
from .platform_detour import find_platform_detours
from .powerful_deployer import find_powerful_deployers
from .queued_claim import find_queued_claims
from .refused_issuer import find_refused_issuers
from .refused_waiver import find_refused_waivers
from .remade_import import find_remade_imports
from .repeated_reference import find_repeated_references
from .reserved_audience import find_reserved_audiences
from .reserved_label import find_reserved_labels
from .reserved_provider import find_reserved_providers
from .roots import Roots
from .rule import Problem, Rule, Subject
from .same_root import find_same_roots
from .secret_reader import find_secret_readers
from .segment_peer import find_segment_peers
from .self_flow import find_self_flows
from .shadowed_role import find_shadowed_roles
from .shared_claim import find_shared_claims
from .shared_issuer import find_shared_issuers
from .shared_key import find_shared_keys
from .shared_node import find_shared_nodes
from .shared_pool import find_shared_pools
from .shared_port import find_shared_ports
from .shared_repository import find_shared_repositories
from .shared_store import find_shared_stores
from .shared_store_role import find_shared_store_roles
from .short_path import find_short_paths
from .signed_tag import find_signed_tags
from .signing_validator import find_signing_validators
from .split_writer import find_split_writers
from .standing_session import find_standing_sessions
from .standing_write import find_standing_writes
from .static_policy_version import find_static_policy_versions
from .static_seal import find_static_seals
from .unable_provider import find_unable_providers
from .unadministered_vault import find_unadministered_vaults
from .unapproved_eligibility import find_unapproved_eligibility
from .unclaimable_device import find_unclaimable_devices
from .uncountable_life import find_uncountable_lives
from .undated_waiver import find_undated_waivers
from .undeclared_internet import find_undeclared_internet
from .unenforced_claim import find_unenforced_claims
from .unfit_public_key import find_unfit_public_keys
from .unfit_seal import find_unfit_seals
from .ungranted_pool import find_ungranted_pools
from .ungranted_share import find_ungranted_shares
from .uninvited_writer import find_uninvited_writers
from .unknown_person import find_unknown_people
from .unlisted_registry_image import find_unlisted_registry_images
from .unmade_model import find_unmade_models
from .unnamed_proof import find_unnamed_proofs
from .unnamed_root import find_unnamed_roots
from .unproven_strength import find_unproven_strengths
from .unpullable_model import find_unpullable_models
from .unpushable_model import find_unpushable_models
from .unreached_bucket import find_unreached_buckets
from .unreached_database import find_unreached_databases
from .unreached_listener import find_unreached_listeners
from .unreadable_root import find_unreadable_roots
from .unserved_provider import find_unserved_providers
from .unserved_vault import find_unserved_vaults
from .unsigned_serving import find_unsigned_servings
from .unused_dataset import find_unused_datasets
from .unused_model import find_unused_models
from .unused_peer import find_unused_peers
from .unused_role import find_unused_roles
from .unused_signer import find_unused_signers
from .unused_waiver import find_unused_waivers
from .unvalidated_serving import find_unvalidated_servings
from .unverifiable_model import find_unverifiable_models
from .useless_gpu_quota import find_useless_gpu_quotas
from .vague_reason import find_vague_reasons
from .waivers import Waivers
from .weak_root import find_weak_roots
from .weight_source import find_weight_sources
from .whole_namespace import find_whole_namespaces
from .wide_egress import find_wide_egress
from .wildcard_permission import find_wildcard_permissions
from .workload_access import find_workload_access
from .zero_quantity import find_zero_quantities

__all__ = ["GRANT_RULES", "REFERENCE_RULES", "ROOT_RULES", "RULES", "WAIVER_RULES", "Problem", "Rule", "check", "find_dangling"]

REFERENCE_RULES: tuple[Rule[Factory], ...] = (
    find_duplicate_names,
    find_dangling_segments,
    find_dangling_workloads,
    find_dangling_peers,
    find_dangling_listeners,
    find_dangling_pools,
    find_dangling_datasets,
    find_dangling_models,
    find_dangling_roles,
    find_ambiguous_choices,
    find_repeated_references,
    find_dangling_signers,
)
"""What every other rule, and the plan, relies on: names stand for one thing each, and each reference finds it."""

RULES: tuple[Rule[Factory], ...] = (
    *REFERENCE_RULES,
    find_peer_to_peer_flows,
    find_self_flows,
    find_backward_flows,
    find_platform_detours,
    find_unreached_listeners,
    find_internet_entries,
    find_undeclared_internet,
    find_named_egress,
    find_wide_egress,
    find_metadata_egress,
    find_whole_namespaces,
    find_segment_peers,
    find_unused_peers,
    find_vague_reasons,
    find_shared_ports,
    find_exposed_data,
    find_exfiltration,
    find_foreign_data,
    find_backward_data,
    find_unused_datasets,
    find_unmade_models,
    find_unused_models,
    find_shared_repositories,
    find_remade_imports,
    find_misplaced_productions,
    find_misplaced_servings,
    find_shared_claims,
    find_missing_gpu_quotas,
    find_missing_quotas,
    find_limits_over_quota,
    find_defaults_over_limit,
    find_ungranted_pools,
    find_idle_pools,
    find_shared_pools,
    find_ungranted_shares,
    find_unclaimable_devices,
    find_karpenter_claims,
    find_shared_nodes,
    find_kubelet_skew,
    find_zero_quantities,
    find_empty_segments,
    find_misplaced_provisioners,
    find_lonely_borrowers,
    find_overcommitted_pools,
    find_useless_gpu_quotas,
    find_queued_claims,
    find_split_writers,
    find_standing_writes,
    find_builtin_groups,
    find_wildcard_permissions,
    find_escalating_permissions,
    find_secret_readers,
    find_hidden_sessions,
    find_shadowed_roles,
    find_standing_sessions,
    find_unused_roles,
    find_powerful_deployers,
    find_deployers_inside,
    find_workload_access,
    find_default_accounts,
    find_misplaced_roles,
    find_long_eligibility,
    find_unapproved_eligibility,
    find_mutual_approvals,
    find_ineligible_grants,
    find_long_grants,
    find_own_approvals,
    find_missing_tickets,
    find_placeholders,
    find_latest_images,
    find_missing_digests,
    find_optional_digests,
    find_foreign_images,
    find_latest_amis,
    find_image_volume_versions,
    find_static_policy_versions,
    find_openshift_dns,
    find_reserved_labels,
    find_missing_cluster_tiers,
    find_laptop_contexts,
    find_reserved_providers,
    find_shared_issuers,
    find_unable_providers,
    find_unnamed_proofs,
    find_unproven_strengths,
    find_long_sessions,
    find_lenient_vendors,
    find_unknown_people,
    find_unenforced_claims,
    find_crowded_providers,
    find_unserved_providers,
    find_unreached_databases,
    find_divided_keycloaks,
    find_deployer_people,
    find_refused_issuers,
    find_lasting_identities,
    find_own_federations,
    find_foreign_endpoints,
    find_reserved_audiences,
    find_bootstrap_roots,
    find_unreadable_roots,
    find_false_roots,
    find_weak_roots,
    find_same_roots,
    find_short_paths,
    find_long_intermediates,
    find_uncountable_lives,
    find_unnamed_roots,
    find_unserved_vaults,
    find_static_seals,
    find_lonely_vaults,
    find_unadministered_vaults,
    find_divided_vaults,
    find_deaf_vaults,
    find_hasty_rotations,
    find_unfit_seals,
    find_local_etcd_keys,
    find_crowded_vaults,
    find_misplaced_registries,
    find_foreign_repositories,
    find_unpushable_models,
    find_uninvited_writers,
    find_unpullable_models,
    find_busy_doors,
    find_unreached_buckets,
    find_shared_store_roles,
    find_shared_stores,
    find_unlisted_registry_images,
    find_alien_hosts,
    find_unverifiable_models,
    find_unsigned_servings,
    find_unvalidated_servings,
    find_own_validations,
    find_own_promotions,
    find_signing_validators,
    find_shared_keys,
    find_unfit_public_keys,
    find_unused_signers,
    find_signed_tags,
    find_weight_sources,
)
"""Every rule over a factory, by id."""

GRANT_RULES: tuple[Rule[Grants], ...] = (find_ended_grants,)
"""Every rule over grants at a moment, by id."""

ROOT_RULES: tuple[Rule[Roots], ...] = (find_ended_roots, find_ending_roots)
"""Every rule over roots at a moment, by id."""

WAIVER_RULES: tuple[Rule[Waivers], ...] = (
    find_expired_waivers,
    find_unused_waivers,
    find_refused_waivers,
    find_duplicate_waivers,
    find_endless_waivers,
    find_undated_waivers,
)
"""Every rule over waivers, by id."""


def find_dangling(factory: Factory, dropped: Collection[tuple[str, str]] = ()) -> tuple[Finding, ...]:
    """What the reference rules find, in a factory that may be incomplete.

    `dropped` holds list and name of what was left out of it because of other errors, such as `("pools", "h100")`: references to these are
    not reported again.
    """
    return _sorted(finding for rule in REFERENCE_RULES for finding in _findings(factory, rule, factory, dropped))


def check(factory: Factory, now: date) -> tuple[Finding, ...]:
    """Every finding, waived ones left out, errors first, then by path.

    `now`, a moment in UTC or at least a day, decides which waivers still hold and which grants are over. While references dangle,
    only these are reported: the other rules follow references.
    """
    if dangling := find_dangling(factory):
        return dangling
    roots = Roots.at(factory, now)
    dated = (finding for rule in ROOT_RULES for finding in _findings(factory, rule, roots))
    found = (*(finding for rule in RULES[len(REFERENCE_RULES) :] for finding in _findings(factory, rule, factory)), *dated)
    waivable = {rule.id: rule.waivable for rule in RULES} | {rule.id: rule.waivable for rule in WAIVER_RULES}
    waivable |= {rule.id: rule.waivable for rule in GRANT_RULES} | {rule.id: rule.waivable for rule in ROOT_RULES}
    waivers = Waivers(factory.waivers, found, waivable, now.date() if isinstance(now, datetime) else now)
    about = (finding for rule in WAIVER_RULES for finding in _findings(factory, rule, waivers))
    ended = (finding for rule in GRANT_RULES for finding in _findings(factory, rule, Grants.at(factory, now)))
    return _sorted(chain(waivers.unwaived(), about, ended))


def _findings(factory: Factory, rule: Rule[Subject], subject: Subject, dropped: Collection[tuple[str, str]] = ()) -> Iterator[Finding]:
    for problem in rule(subject):
        if problem.missing is None or problem.missing not in dropped:
            severity, fix = rule.severity[factory.posture], problem.fix or rule.fix
            yield Finding(rule.id, problem.path, problem.problem, fix, severity, problem.value, problem.allowed)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.severity is not Severity.ERROR, finding.path, finding.id)))
