"""The named cast: whoever reads one test knows everybody in the next.

林老师 coordinator · 王师傅 driver · 陈姐 standby · 小雨 child · her grandmother 杨桂芳 · the guard 老周 ·
外人, who must see nothing. Accounts (林老师, the guard) are made by the tests of `access` and of the pages.
"""

from dataclasses import dataclass

from sqlmodel import Session

from escort.roster.models import Volunteer
from escort.schools.models import School
from tests.builders import EscortedChild, a_child, a_school, a_team, a_volunteer

LIN = "account:1"  # 林老师, coordinator: the subject that acts in services
STRANGER_PHONE = "19900009999"  # 外人
COORDINATOR_NAME = "林老师"
GUARD_NAME = "老周"


@dataclass(frozen=True)
class Cast:
    school: School
    xiaoyu: EscortedChild  # wants to be fetched and brought home, Monday to Friday
    wang: Volunteer  # drives both ways
    chen: Volunteer  # a woman, drives both ways: the standby
    stranger: Volunteer  # a volunteer of another team at the district's other end, with nothing to do here


def the_cast(session: Session) -> Cast:
    """Everybody, in one school and one team."""
    team = a_team(session, "唐昌古镇车队", street="唐昌街道")
    school = a_school(session)
    return Cast(
        school=school,
        xiaoyu=a_child(session, "小雨", escorted="Mon-Fri both ways", school=school, team=team),
        wang=a_volunteer(session, "王师傅", team=team, plate="川A12345"),
        chen=a_volunteer(session, "陈姐", team=team, gender="F", plate="川AD67890"),
        stranger=a_volunteer(
            session,
            "外人",
            team=a_team(session, "犀浦暖阳车队", street="犀浦街道"),
            home=(30.7585, 103.9702),
            phone=STRANGER_PHONE,
        ),
    )
