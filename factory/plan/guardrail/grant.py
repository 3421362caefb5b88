"""ZG17: who holds a role for a while is eligible, has said why, was let by somebody else, and holds it no longer than they may."""

from __future__ import annotations

from factory.plan import controls, names
from factory.spec import Factory

from .boundary import COLLECTORS, MANAGER
from .guardrail import Guardrail, Rule, Validation, granted, text, texts

LABELS = (names.GRANT, names.CLEANUP)
ANNOTATIONS = (names.ELIGIBLE_AS, names.EXPIRES_AT, names.REASON, names.REQUESTED_BY, names.TICKET)
"""What a person writes when asking. Only `approved-by` is added when somebody agrees."""

MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"


def grant(factory: Factory) -> Guardrail:
    """A grant is one RoleBinding that two people write: the one who asks creates it without subjects, so that it has no effect; one who
    may agree, and is another, puts exactly that person into it. Each is seen with their own groups, and nobody writes a third time.

    The clock: `creationTimestamp` is set by the API server before admission, and so is the time of the write in `managedFields`
    (KEP-555), from which it is told that an update comes too late. What a grant says cannot be changed, and its end has the one form
    that Kyverno's cleanup controller understands. Nothing may keep it when it is deleted: neither a finalizer nor an owner, nor, by ZG07,
    a deletion that waits for dependents. The deployer, whose pull request somebody has agreed to, is held to the times and to the form.
    Taking a grant away is open to whoever RBAC lets.
    """
    deployer, user = text(factory.deployer.user), "request.userInfo.username"
    asked, approver = text(names.REQUESTED_BY), text(names.APPROVED_BY)
    person = f"[{{'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'User', 'name': variables.annotations[?{asked}].orValue('')}}]"
    other, create = "variables.deployer || request.operation != ", "request.operation == 'CREATE'"
    return Guardrail(
        "ZG17",
        "grant",
        "A person holds a role for a while only if eligible, for a reason, with somebody else's consent, and until a moment.",
        (controls.TENET_3, controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
        rules=(Rule("rbac.authorization.k8s.io", "v1", ("rolebindings",)),),
        conditions={
            "grants-only": f"[object, oldObject].exists(o, o != null && {text(names.GRANT)} in dyn(o).metadata.?labels.orValue({{}}))",
            "not-collectors": f"{create} || !({user} in {texts((*COLLECTORS, MANAGER))})",
        },
        variables={
            "deployer": f"{user} == {deployer}",
            "role": "dyn(object).roleRef.name",
            "subjects": "dyn(object).?subjects.orValue([])",
            "labels": "dyn(object).metadata.?labels.orValue({})",
            "annotations": "dyn(object).metadata.?annotations.orValue({})",
            "expires": f"variables.annotations[?{text(names.EXPIRES_AT)}].orValue('')",
            "asked": f"variables.annotations[?{asked}].orValue('')",
            "eligible": granted("variables.role + '.eligible'") + ".map(line, line.split('\\t'))",
            "terms": "variables.eligible.filter(t, variables.deployer"
            f" || t[0] == variables.annotations[?{text(names.ELIGIBLE_AS)}].orValue(''))",
        },
        validations=(
            Validation(
                "(dyn(object).roleRef.kind == 'Role' && variables.terms.size() > 0)",
                f"annotation {names.ELIGIBLE_AS} names a group that may hold this role in this segment for a while, or none may.",
            ),
            Validation(
                f"(variables.expires.matches({text(MOMENT)})"
                f" && variables.labels[?{text(names.CLEANUP)}].orValue('') == variables.expires.replace(':', ''))",
                f"annotation {names.EXPIRES_AT} is a moment such as 2026-12-01T17:00:00Z,"
                f" and label {names.CLEANUP} the same without colons, or it would never end.",
            ),
            Validation(
                "(timestamp(variables.expires) > timestamp(dyn(object).metadata.creationTimestamp)"
                " && variables.terms.exists(t, timestamp(variables.expires)"
                " <= timestamp(dyn(object).metadata.creationTimestamp) + duration(t[2] + 's')))",
                "a grant ends after it is asked for, and no later than the eligibility's longest.",
                "variables.terms.map(t, t[2] + ' s')",
            ),
            Validation(
                "('managedFields' in dyn(object).metadata && dyn(object).metadata.managedFields.size() > 0"
                " && dyn(object).metadata.managedFields.all(f, timestamp(f.time) < timestamp(variables.expires)))",
                "this grant is over: ask again.",
            ),
            Validation(
                "(dyn(object).metadata.?finalizers.orValue([]).size() == 0"
                " && dyn(object).metadata.?ownerReferences.orValue([]).size() == 0)",
                "a grant has no finalizers and no owners, so that it goes when it is deleted.",
            ),
            Validation(
                f"{other}'CREATE' || (variables.labels.all(k, k in {texts(LABELS)}) && variables.annotations.all(k, k in"
                f" {texts(ANNOTATIONS)}) && variables.annotations.all(k, variables.annotations[k].size() <= 256))",
                "a grant bears the labels and annotations of a grant, none longer than 256 characters, and no others.",
            ),
            Validation(
                f"{other}'CREATE' || (variables.asked == {user} && !{user}.startsWith('system:')"
                f" && variables.annotations[?{text(names.ELIGIBLE_AS)}].orValue('') in request.userInfo.?groups.orValue([]))",
                f"one asks for oneself: annotation {names.REQUESTED_BY} is your user name, {names.ELIGIBLE_AS} a group of yours.",
            ),
            Validation(
                f"{other}'CREATE' || dyn(object).metadata.name =="
                " variables.role + '::' + variables.asked.replace('/', '_').replace('%', '_')",
                "a grant is named by its role and its holder, such as operator::staff:alice: nobody holds a role twice.",
            ),
            Validation(
                f"{other}'CREATE' || (variables.annotations[?{text(names.REASON)}].orValue('').size() >= 3"
                f" && variables.terms.exists(t, t[3] == '' || variables.annotations[?{text(names.TICKET)}].orValue('') != ''))",
                f"annotation {names.REASON} says what for, and {names.TICKET} where it is written down, if the eligibility asks for it.",
            ),
            Validation(
                f"{other}'CREATE' || (variables.subjects.size() == 0 || (variables.terms.exists(t, t[1] == '')"
                f" && variables.subjects == {person}))",
                "one asks with no subjects: somebody else puts the holder in. Only what needs no consent is held at once, by who asks.",
            ),
            Validation(
                f"{other}'UPDATE' || (dyn(oldObject).?subjects.orValue([]).size() == 0 && variables.subjects == {person})",
                "who agrees puts exactly the person who asked into the subjects. Nothing else is ever changed: revoke, and ask again.",
            ),
            Validation(
                f"{other}'UPDATE' || ({user} != variables.asked"
                f" && variables.annotations[?{approver}].orValue('') == {user}"
                " && variables.terms.exists(t, t[1] in request.userInfo.?groups.orValue([])))",
                f"somebody else agrees, of a group that may: annotation {names.APPROVED_BY} is your user name.",
                "variables.terms.map(t, t[1])",
            ),
            Validation(
                f"{other}'UPDATE' || (variables.labels == dyn(oldObject).metadata.labels"
                f" && variables.annotations.all(k, k == {approver} || dyn(oldObject).metadata.annotations[?k].orValue('')"
                " == variables.annotations[k]) && dyn(oldObject).metadata.annotations.all(k, k in variables.annotations))",
                "what was asked for cannot be changed: revoke, and ask again.",
            ),
        ),
        granted=True,
    )
