"""Newcomers whom a team's leader brings in: entered with few fields, told so, and asked for nothing yet.

No paper is known of them, so no rule lets them drive or ride along until the office has entered what it has seen.
"""

from datetime import date, datetime

from sqlmodel import Session

from escort import wording
from escort.filled_form import FormMistakes
from escort.roster.forms import NewVolunteer
from escort.roster.leaders import Leader
from escort.roster.service import add_volunteer, get_volunteer, subject_of
from escort.sentences import mark
from notifications.outbox import enqueue


def bring_in(
    session: Session, *, leader: Leader, form: NewVolunteer, today: date, duty_phone: str, now: datetime
) -> int:
    """Enter somebody as a volunteer of the leader's team and tell that person; return the id.

    Raises FormMistakes. Who else has the number is not said: he may be of another team.
    """
    own = form.model_copy(update={"team_id": leader.team_id})
    try:
        saved = add_volunteer(session, form=own, today=today, now=now, by=leader.subject)
    except FormMistakes as wrong:
        raise FormMistakes(wrong.fields | ({"phone": KNOWN} if "phone" in wrong.fields else {})) from wrong
    get_volunteer(session, saved.volunteer_id).brought_by = leader.subject
    enqueue(
        session,
        to=subject_of(saved.volunteer_id),
        wording=wording.brought_in(leader.name, duty_phone=duty_phone),
        about=f"volunteer:{saved.volunteer_id}",
        dedup_key=f"brought-in:{saved.volunteer_id}",
        now=now,
    )
    return saved.volunteer_id


KNOWN = mark("这个手机号已经登记过了，请核对号码；没有错就打值班电话问一下。")
