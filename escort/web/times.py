"""Days and times in words, as pages say them. Every word passes through `say`, the page's gettext."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from escort.sentences import mark

Say = Callable[..., str]  # gettext: a marked sentence and its %(name)s

WEEKDAYS = (
    mark("周一"),
    mark("周二"),
    mark("周三"),
    mark("周四"),
    mark("周五"),
    mark("周六"),
    mark("周日"),
)
DAY_OF_MONTH = (
    mark("1月%(day)s日"),
    mark("2月%(day)s日"),
    mark("3月%(day)s日"),
    mark("4月%(day)s日"),
    mark("5月%(day)s日"),
    mark("6月%(day)s日"),
    mark("7月%(day)s日"),
    mark("8月%(day)s日"),
    mark("9月%(day)s日"),
    mark("10月%(day)s日"),
    mark("11月%(day)s日"),
    mark("12月%(day)s日"),
)
MONTHS = (
    mark("1月"),
    mark("2月"),
    mark("3月"),
    mark("4月"),
    mark("5月"),
    mark("6月"),
    mark("7月"),
    mark("8月"),
    mark("9月"),
    mark("10月"),
    mark("11月"),
    mark("12月"),
)
"""One a month: languages name them."""

RELATIVE_UNDER_MINUTES = 60


@dataclass(frozen=True)
class TimeWords:
    """The words of one page: its district's zone and its reader's language."""

    zone: ZoneInfo
    say: Say

    def clock(self, at: datetime | time) -> str:
        return f"{at.astimezone(self.zone) if isinstance(at, datetime) else at:%H:%M}"

    def date_of(self, at: datetime | date) -> date:
        return at.astimezone(self.zone).date() if isinstance(at, datetime) else at

    def day(self, at: datetime | date) -> str:
        day = self.date_of(at)
        return self.say(DAY_OF_MONTH[day.month - 1], day=day.day)

    def month_name(self, at: datetime | date) -> str:
        return self.say(MONTHS[self.date_of(at).month - 1])

    def weekday(self, at: datetime | date) -> str:
        return self.say(WEEKDAYS[self.date_of(at).weekday()])

    def day_word(self, at: datetime | date, now: datetime | date) -> str:
        """Return 昨天, 今天, 明天, a weekday within the week ahead, else the date."""
        days = (self.date_of(at) - self.date_of(now)).days
        if days in NEAR_DAYS:
            return self.say(NEAR_DAYS[days])
        return self.weekday(at) if 1 < days < 7 else self.day(at)

    def moment(self, at: datetime, now: datetime) -> str:
        """Return the wall time, with its day before it unless that is today: 16:18, 明天 06:10."""
        is_today = self.date_of(at) == self.date_of(now)
        return self.clock(at) if is_today else f"{self.day_word(at, now)} {self.clock(at)}"

    def time_left(self, at: datetime, now: datetime) -> str:
        """Return how long is left, in the largest words that are still true: 过了 9 分, 19 分, 17:10, 明早, 周四."""
        minutes = minutes_until(at, now)
        if minutes <= -RELATIVE_UNDER_MINUTES:
            return self._long_past(at, now, -minutes // 60)
        if minutes < 0:
            return self.say(mark("过了 %(n)s 分"), n=-minutes)
        if minutes < RELATIVE_UNDER_MINUTES:
            return self.say(mark("%(n)s 分"), n=minutes)
        days = (self.date_of(at) - self.date_of(now)).days
        if days == 0:
            return self.clock(at)
        if days == 1:
            is_morning = at.astimezone(self.zone).hour < 12
            return self.say(mark("明早") if is_morning else mark("明天下午"))
        return self.day_word(at, now)

    def weekdays(self, marks: str) -> str:
        """Return "1111100" as 周一至周五, "1010000" as 周一、周三."""
        days = [day for day, one in enumerate(marks) if one == "1"]
        if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
            first, last = self.say(WEEKDAYS[days[0]]), self.say(WEEKDAYS[days[-1]])
            return self.say(mark("%(first)s至%(last)s"), first=first, last=last)
        return self.say(mark("、")).join(self.say(WEEKDAYS[day]) for day in days)

    def half_days(self, pattern: str) -> str:
        """Return fourteen marks as 周一至周五；周六早上; half-days that stand alone are named."""
        whole = "".join(str(int(pattern[2 * day : 2 * day + 2] == "11")) for day in range(7))
        parts = [self.weekdays(whole)] if "1" in whole else []
        for half, words in ((0, mark("%(days)s早上")), (1, mark("%(days)s下午"))):
            alone = "".join(
                str(int(pattern[2 * day + half] == "1" and whole[day] == "0")) for day in range(7)
            )
            if "1" in alone:
                parts.append(self.say(words, days=self.weekdays(alone)))
        return self.say(mark("；")).join(parts)

    def _long_past(self, at: datetime, now: datetime, hours: int) -> str:
        is_today = self.date_of(at) == self.date_of(now)
        return self.say(mark("过了 %(n)s 小时"), n=hours) if is_today else self.day_word(at, now)


def minutes_until(at: datetime, now: datetime) -> int:
    """Return the whole minutes from `now` to `at`, negative once it has passed."""
    return int((at - now).total_seconds() // 60)


NEAR_DAYS = {-1: mark("昨天"), 0: mark("今天"), 1: mark("明天")}
