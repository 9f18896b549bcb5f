"""The words on paper, in the language of who prints it."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from escort.sentences import mark, translated
from escort.web import languages
from escort.web.times import TimeWords


class Words:
    """Says a marked sentence in one language, and times as pages say them."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self._texts = languages.catalogue(language)
        self.language = language
        self.times = TimeWords(zone, self)

    def __call__(self, sentence: str, **values: object) -> str:
        text = self._texts.gettext(sentence)
        return text % values if values else text

    def number(self, one: str, many: str, number: int, **values: object) -> str:
        return self._texts.ngettext(one, many, number) % {"num": number, **values}

    def told(self, sentence: str) -> str:
        """Return a sentence from below, or a car's colour, in this language."""
        return translated(sentence, self._texts.gettext)

    def paint(self, colour: str) -> str:
        return self.told(colour if not colour or colour.endswith("色") else f"{colour}色")

    def span(self, first: date, last: date) -> str:
        return self.times.day(first) + (f" – {self.times.day(last)}" if last != first else "")

    def taken_out(self, who: str, now: datetime, zone: ZoneInfo) -> str:
        """Return the foot of a sheet that is for the office alone."""
        at = f"{now.astimezone(zone):%Y-%m-%d %H:%M}"
        return self(mark("%(who)s %(at)s 导出，含个人信息，请勿外传"), who=who, at=at)
