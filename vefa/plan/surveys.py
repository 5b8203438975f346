"""`config/surveys.yaml` as data: what is asked, and which answers a person must see."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vefa.language.conditions import Duration
from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.problems import did_you_mean
from vefa.language.source import Source, Trail, Watched
from vefa.language.surveys import RouteForm, SurveyForm, SurveyKind
from vefa.plan.named import by_name, is_name

#: Options of a choice: an answer's place must fit into its link.
MOST_OPTIONS = 10
OPEN = Duration(days=60)

#: By language.
Said = Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """Which answers a team of the shop is told of. Without limits: every one."""

    to: str
    at_most: int | None = None
    options: tuple[str, ...] = ()
    comments: bool = False

    def takes(self, score: int, choice: str | None, comment: str | None) -> bool:
        """Whether this answer is theirs."""
        if self.comments and comment:
            return True
        if self.at_most is None and not self.options:
            return not self.comments
        return (self.at_most is not None and score <= self.at_most) or choice in self.options


@dataclass(frozen=True)
class Survey:
    """One question with its answers."""

    name: str
    kind: SurveyKind
    question: Said
    low: Said = field(default_factory=dict)
    high: Said = field(default_factory=dict)
    comment: Said = field(default_factory=dict)
    thanks: Said = field(default_factory=dict)
    options: Mapping[str, Said] = field(default_factory=dict)
    open: Duration = OPEN
    route: Route | None = None

    @property
    def scores(self) -> range:
        """Every answer as a number; an option's is its place."""
        match self.kind:
            case "csat":
                return range(1, 6)
            case "nps":
                return range(11)
            case "choice":
                return range(1, len(self.options) + 1)

    def choice(self, score: int) -> str | None:
        """The name of the option at that place."""
        return list(self.options)[score - 1] if self.kind == "choice" else None

    def words(self, said: Said, locale: str) -> str:
        """Its words in that language, else in the shop's first."""
        return said.get(locale) or next(iter(said.values()), "")


_LOW: Mapping[str, Said] = {
    "csat": {"tr": "Hiç memnun değilim", "en": "Not at all content"},
    "nps": {"tr": "Asla önermem", "en": "Not at all likely"},
    "choice": {},
}
_HIGH: Mapping[str, Said] = {
    "csat": {"tr": "Çok memnunum", "en": "Very content"},
    "nps": {"tr": "Kesinlikle öneririm", "en": "Very likely"},
    "choice": {},
}
_COMMENT = {"tr": "Eklemek istediğiniz bir şey var mı?", "en": "Is there anything you would like to add?"}
_THANKS = {
    "tr": "Zaman ayırdığınız için teşekkür ederiz.",
    "en": "Thank you for taking the time.",
}


def _plain(name: str, kind: SurveyKind, **question: str) -> Survey:
    return Survey(name, kind, question, _LOW[kind], _HIGH[kind], _COMMENT, _THANKS)


#: What every shop can ask without a file.
EVERYWHERE: Mapping[str, Survey] = {
    "csat": _plain("csat", "csat", tr="Ne kadar memnun kaldınız?", en="How content are you?"),
    "nps": _plain("nps", "nps", tr="Bizi bir arkadaşınıza önerir misiniz?", en="Would you recommend us to a friend?"),
}


def read_surveys(source: Source, locales: Sequence[str]) -> dict[str, Survey]:
    """The shop's surveys by name, and those that every shop has; what cannot be read is told of and left out."""
    surveys = dict(EVERYWHERE)
    for name in by_name(source, "name: {kind: …}"):
        if is_name(source, (name,), "a survey", "after-return") and (survey := _survey(source, name, locales)):
            surveys[name] = survey
    return surveys


def _survey(source: Source, name: str, locales: Sequence[str]) -> Survey | None:
    form = read_form(source, SurveyForm, (name,))
    if form is None:
        return None
    texts = {key: _said(source, (name, key), getattr(form, key), locales) for key in _TEXTS}
    if form.kind is None or form.question is None:
        return None
    options = _options(source, name, form.kind, locales)
    for key in ("low", "high") if form.kind == "choice" else ():
        if getattr(form, key) is not None:
            message = f'"{key}" has no place in a choice: its options have words of their own'
            source.report((name, key), message, "Take it out.", "survey", at="key")
    return Survey(
        name,
        form.kind,
        texts["question"],
        texts["low"] or _LOW[form.kind],
        texts["high"] or _HIGH[form.kind],
        texts["comment"] or _COMMENT,
        texts["thanks"] or _THANKS,
        options,
        form.open or OPEN,
        _route(source, name, options) if form.route is not None else None,
    )


_TEXTS = ("question", "low", "high", "comment", "thanks")


def _said(source: Source, trail: Trail, given: Said | str | None, locales: Sequence[str]) -> Said:
    """The words in each of the shop's languages."""
    if given is None:
        return {}
    if isinstance(given, str):
        given = {locales[0]: given}
    if lacking := [locale for locale in locales if locale not in given]:
        message = f'"{trail[-1]}" lacks the language {", ".join(lacking)}'
        source.report(trail, message, f'Add {lacking[0]}: "…".', "locale", at="key")
    return {locale: given[locale] for locale in (*locales, *given) if locale in given}


def _options(source: Source, name: str, kind: SurveyKind, locales: Sequence[str]) -> dict[str, Said]:
    given, trail = source.get((name, "options")), (name, "options")
    if kind != "choice":
        if given is not None:
            message = f'"options" has no place in a survey of kind {kind}: its answers are numbers'
            source.report(trail, message, "Take it out, or write kind: choice.", "survey", at="key")
        return {}
    if not isinstance(given, dict) or not 2 <= len(given) <= MOST_OPTIONS:
        hint = 'Write options: {price: {tr: "Fiyat", en: "The price"}, …}.'
        at: Trail = trail if given is not None else (name,)
        source.report(at, f"a choice needs 2 to {MOST_OPTIONS} options", hint, "survey", at="key")
        return {}
    found: dict[str, Said] = {}
    for option, words in given.items():
        here = (*trail, option)
        if not is_name(source, here, "an option", "too-late"):
            continue
        if not isinstance(words, dict) or not all(isinstance(text, str) and text for text in words.values()):
            hint = 'Write them in each language: {tr: "Fiyat", en: "The price"}.'
            source.report(here, f"{quoted(words)} are no words for an option", hint, "type")
        else:
            found[option] = _said(source, here, words, locales)
    return found


def _route(source: Source, name: str, options: Mapping[str, Said]) -> Route | None:
    trail: Trail = (name, "route")
    form = read_form(source, RouteForm, trail)
    if form is None or form.to is None:
        return None
    for place, option in enumerate(form.options or ()):
        if option not in options:
            hint = did_you_mean(str(option), options, "Options stand above, under options.")
            source.report((*trail, "options", place), f"there is no option {quoted(option)}", hint, "survey")
    return Route(form.to, form.at_most, tuple(map(str, form.options or ())), form.comments)


def check_routes(source: Source, surveys: Mapping[str, Survey], teams: Collection[str]) -> None:
    """Whoever must see an answer is one of the shop's teams."""
    for name, survey in surveys.items():
        if survey.route is not None and survey.route.to not in teams:
            hint = did_you_mean(survey.route.to, teams, "Teams stand in config/staff.yaml.")
            source.report((name, "route", "to"), f'there is no team "{survey.route.to}"', hint, "team")


class Surveys:
    """The shop's surveys as its file says now. Safe to use from several threads."""

    def __init__(self, root: Path, locales: Sequence[str]) -> None:
        self._read = Watched(root, "config/surveys.yaml", lambda source: read_surveys(source, locales), EVERYWHERE)

    def get(self, name: str) -> Survey | None:
        """The survey of that name; None where there is none, or it holds mistakes."""
        return self._read().get(name)
