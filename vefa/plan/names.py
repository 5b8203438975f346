"""What steps are called: an id in the ledger and in reports, and a key that tells where a customer stands.

An id that is not written comes from the step's kind and target alone, with an ordinal among equals (rule 21): never
from subject, options or position, so that editing words moves nobody.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from vefa.language.catalogue import EVENTS
from vefa.language.loader import ArmDraft, JourneyDraft, StepDraft
from vefa.language.source import Trail
from vefa.language.steps import NotifyTerms, SplitArm, WaitUntil


@dataclass(frozen=True)
class StepName:
    """`key` is unique in a plan; arms of one split may share an `id`."""

    id: str
    key: str


@dataclass(frozen=True)
class _Stand:
    """A step with the arms of splits that lead to it: (the split's trail, the arm's place, its name)."""

    draft: StepDraft
    arms: tuple[tuple[Trail, int, str], ...]
    aside: bool = False


#: What the keys of steps inside `whenever` begin with: nobody stands there and in the journey's own steps alike.
ASIDE = "whenever"


def name_steps(draft: JourneyDraft) -> dict[Trail, StepName]:
    """Every step's name by its trail. An id that stands twice, outside the arms of one split, is told of."""
    stands = [*_stands(draft.steps, ())]
    for each in draft.whenever:
        stands += (replace(stand, aside=True) for stand in _stands(each.steps, ()))
    ids = _ids(stands)
    sharing: dict[str, list[_Stand]] = defaultdict(list)
    for stand in stands:
        sharing[ids[stand.draft.trail]].append(stand)
    names: dict[Trail, StepName] = {}
    for id_, equals in sharing.items():
        _tell_of_doubles(draft, id_, equals)
        for stand in equals:
            path = [arm for _, _, arm in stand.arms] if len(equals) > 1 else []
            names[stand.draft.trail] = StepName(id_, "/".join([*([ASIDE] if stand.aside else []), *path, id_]))
    return names


def _stands(steps: tuple[StepDraft, ...], arms: tuple[tuple[Trail, int, str], ...]) -> Iterator[_Stand]:
    for step in steps:
        yield _Stand(step, arms)
        for inner in step.lists.values():
            yield from _stands(inner, arms)
        for index, arm in enumerate(step.arms):
            via = (*arms, (step.trail, index, _arm_name(arm, index))) if step.verb == "split" else arms
            yield from _stands(arm.steps, via)


def _arm_name(arm: ArmDraft, index: int) -> str:
    named = arm.form.name if isinstance(arm.form, SplitArm) else None
    return named or str(index + 1)


def _ids(stands: list[_Stand]) -> dict[Trail, str]:
    ids: dict[Trail, str] = {}
    seen: Counter[str] = Counter()
    for stand in stands:
        step = stand.draft
        if step.form and step.form.id:
            ids[step.trail] = step.form.id
            continue
        base = derived_id(step)
        seen[base] += 1
        ids[step.trail] = base if seen[base] == 1 else f"{base}-{seen[base]}"
    return ids


def derived_id(step: StepDraft) -> str:
    """Kind and target: `email-thank-you`, `wait-review-posted`, `tag-vip`, `if`."""
    verb = step.verb.replace("_", "-")
    if isinstance(step.detail, WaitUntil):
        until = step.detail.until.strip()
        target = until if until in EVENTS else re.split(r"\s*[+-]\s*", until)[0]
    elif isinstance(step.detail, NotifyTerms):
        target = step.detail.to
    else:
        target = getattr(step.form, step.verb, "") if step.verb in _TARGETED else ""
    slug = re.sub(r"[^a-z0-9]+", "-", str(target or "").lower()).strip("-")
    return f"{verb}-{slug}" if slug else verb


_TARGETED = {"email", "sms", "message", "points", "tag", "untag", "enter", "go_to", "webhook"}


def _tell_of_doubles(draft: JourneyDraft, id_: str, equals: list[_Stand]) -> None:
    for place, stand in enumerate(equals):
        clash = next((other for other in equals[:place] if not _apart(stand, other)), None)
        if clash is None:
            continue
        trail = (*stand.draft.trail, "id")
        line = draft.source.span((*clash.draft.trail, "id"), "key").line + 1
        hint = "Give each step an id of its own; only the arms of one split may share one."
        draft.source.report(trail, f'the id "{id_}" is taken by the step on line {line}', hint, "double-id")


def _apart(one: _Stand, other: _Stand) -> bool:
    """In different arms of the same split, so that no customer meets both."""
    arms = {split: arm for split, arm, _ in one.arms}
    return any(split in arms and arms[split] != arm for split, arm, _ in other.arms)
