"""Who enters, and when: the trigger of a journey's file as the plan has it."""

from __future__ import annotations

from collections.abc import Callable

from vefa.language import schema as forms
from vefa.language.catalogue import FIELDS
from vefa.language.conditions import Everything
from vefa.language.loader import JourneyDraft
from vefa.language.parser import ConditionParser, unknown_segment
from vefa.language.problems import Mistake, did_you_mean
from vefa.plan.calendar import read_cron, read_days, read_zone, refuse_the_lost_hour
from vefa.plan.surroundings import Neighbours
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, SegmentTrigger, Trigger


def compile_trigger(draft: JourneyDraft, around: Neighbours, where: ConditionParser) -> Trigger | None:
    """The trigger, or None where it holds a mistake."""
    match draft.trigger:
        case forms.EventTrigger() as form:
            return _event(draft, form, around, where)
        case forms.DateTrigger() as form:
            return _date(draft, form)
        case forms.SegmentTrigger() as form:
            return _segment(draft, form, where)
        case forms.EveryTrigger() as form:
            return _every(draft, form)
        case forms.CronTrigger() as form:
            return _cron(draft, form)
        case forms.EnteredTrigger() as form:
            return _entered(draft, form)
    return None


def _told(draft: JourneyDraft, key: str, check: Callable[[], None]) -> bool:
    """Whether the check holds; else its mistake is told at that key's value."""
    try:
        check()
    except Mistake as mistake:
        draft.source.report(("trigger", key, *mistake.inside), mistake.message, mistake.hint, mistake.code)
        return False
    return True


def _event(draft: JourneyDraft, form: forms.EventTrigger, around: Neighbours, where: ConditionParser) -> Trigger | None:
    condition = where.parse(("trigger", "where")) if form.where is not None else None
    if not form.event or not _told(draft, "event", lambda: where.around.check_event(form.event)):
        return None
    return EventTrigger(form.event, around.events[form.event].object_kind, condition or Everything())


def _date(draft: JourneyDraft, form: forms.DateTrigger) -> Trigger | None:
    if not form.date or not _told(draft, "date", lambda: _check_date(form.date)):
        return None
    return DateTrigger(form.date, form.offset.days if form.offset else 0, form.at)


def _check_date(name: str) -> None:
    known = FIELDS.get(name)
    yearly = [f.name for f in FIELDS.values() if f.type in {"time", "date"} and f.home in {"customer", "shop"}]
    if known is None:
        hint = did_you_mean(name, yearly, "Write one such as customer.birth_date.")
        raise Mistake(f'there is no field "{name}"', hint, "unknown-field")
    if name not in yearly:
        what = "holds no day" if known.type not in {"time", "date"} else "is not the customer's own"
        raise Mistake(f"{name} {what}", "Write one such as customer.birth_date or orders.first_at.", "type")


def _segment(draft: JourneyDraft, form: forms.SegmentTrigger, where: ConditionParser) -> Trigger | None:
    if not form.segment:
        return None
    try:
        condition = where.around.segment(form.segment)
    except KeyError:
        mistake = unknown_segment(form.segment, where.around.segment_names)
        draft.source.report(("trigger", "segment"), mistake.message, mistake.hint, mistake.code)
        return None
    return SegmentTrigger(form.segment, condition) if condition else None


def _every(draft: JourneyDraft, form: forms.EveryTrigger) -> Trigger | None:
    at = form.at
    lines: list[str] = []

    def days() -> None:
        found = read_days(form.every, form.on)
        if at is not None:
            lines.append(found.cron(at))

    given = draft.source.get(("trigger", "on"))
    fine = [
        _told(draft, "on" if given is not None else "every", days),
        at is None or _told(draft, "at", lambda: refuse_the_lost_hour(at)),
        _told(draft, "zone", lambda: _check_zone(form.zone)),
    ]
    return EveryTrigger(lines[0], form.zone) if all(fine) and lines else None


def _cron(draft: JourneyDraft, form: forms.CronTrigger) -> Trigger | None:
    fine = [
        bool(form.cron) and _told(draft, "cron", lambda: _check_cron(form.cron)),
        _told(draft, "zone", lambda: _check_zone(form.zone)),
    ]
    return EveryTrigger(form.cron, form.zone) if all(fine) else None


def _check_cron(line: str) -> None:
    read_cron(line)


def _check_zone(name: str | None) -> None:
    read_zone(name)


def _entered(draft: JourneyDraft, form: forms.EnteredTrigger) -> Trigger | None:
    if not form.entered:
        hint = "Write trigger: entered, or another trigger."
        draft.source.report(("trigger", "entered"), '"entered: no" is no trigger', hint, "trigger")
        return None
    return EnteredTrigger()
