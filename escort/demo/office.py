"""林老师 at her desk, while the demonstration's first day is made: she takes what is urgent and closes what is over.

Like everybody else she acts on the pages only. From the visitor's evening on, the desk is the visitor's.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import httpx

CLOSES_AFTER = timedelta(minutes=20)
REASONS = ("打过电话，家里自己送了", "打过电话，今天孩子在家休息", "老师陪着等到家里人来接")


class Office:
    """One coordinator, signed in, looking at the board now and then."""

    def __init__(
        self, client: httpx.Client, *, base_url: str, cookies: dict[str, str], zone: ZoneInfo
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._zone = zone

    def look_at_board(self, now: datetime) -> int:
        """Take every urgent case that nobody has, close those whose moment has passed; return how many of both."""
        page = self._send("GET", "/today?whole=true", {})
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        if token is None:
            return 0
        done = 0
        for row in page.split('<li class="case')[1:]:
            row = row.split("</li>")[0]
            case = re.search(r"/cases/(\d+)/close", row)
            if case is None:
                continue
            if self._is_over(row, now):
                reason = REASONS[int(case[1]) % len(REASONS)]
                self._send("POST", f"/cases/{case[1]}/close", {"csrf_token": token[1], "reason": reason})
                done += 1
            elif row.startswith(" case-urgent") and f"/cases/{case[1]}/take" in row:
                self._send("POST", f"/cases/{case[1]}/take", {"csrf_token": token[1]})
                done += 1
        return done

    def _is_over(self, row: str, now: datetime) -> bool:
        words = unescape(re.sub(r"<[^>]+>", " ", row.split("<h3>")[0]))
        at = re.search(r"今天\s*(\d\d):(\d\d)", words)
        if at is None:
            return False
        moment = now.astimezone(self._zone).replace(
            hour=int(at[1]), minute=int(at[2]), second=0, microsecond=0
        )
        return now - moment >= CLOSES_AFTER

    def _send(self, method: str, path: str, form: dict[str, str]) -> str:
        headers = {"cookie": self._cookie}
        if method == "POST":
            headers["origin"] = self._base_url
        answer = self._client.request(method, f"{self._base_url}{path}", headers=headers, data=form or None)
        self._client.cookies.clear()
        return answer.text


Rounds = Callable[[datetime], object]
