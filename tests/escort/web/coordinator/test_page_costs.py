"""What the pages of the desk cost in statements, besides the line in the trail: however many people there are."""

from datetime import date, timedelta

import pytest

from tests.builders import NOW, a_child, a_volunteer
from tests.escort.web.coordinator.conftest import Desk
from tests.escort.web.coordinator.days import a_full_day, a_leg, a_run
from tests.queries import count_queries

ON = date(2021, 4, 8)
MOST = 10
CANDIDATES = 19  # what finding people adds: the planner's problem of one run 15, who of them was asked 4


def cost(desk: Desk, path: str) -> list[str]:
    with count_queries(desk.house.store.engine) as counted:
        desk.get(path)
    return [statement for statement in counted.statements if "audit" not in statement]


@pytest.mark.parametrize(
    "path",
    [
        "/today",
        "/rota?week=2021-04-08&show=all",
        "/rota/people?week=2021-04-08&open=1",
        "/rota/runs/1",  # somebody drives it
        "/children",
        "/children?only=missing",
        "/children/new",
        "/children/1/edit",
        "/volunteers",
        "/volunteers?gate=insurance_expired",
        "/volunteers/1",
        "/volunteers/1/edit",
        "/volunteers/new",
        "/calendar",
        "/teams",
        "/teams/1",
    ],
)
def test_a_page_costs_at_most_ten_queries(desk: Desk, path: str) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, ON, children=30)

    spent = cost(desk, path)

    assert len(spent) <= MOST, "\n".join(spent)


@pytest.mark.parametrize("people", [1, 20])
def test_a_run_that_nobody_drives_costs_the_planners_problem_besides_however_many_could(
    desk: Desk, people: int
) -> None:
    with desk.house.store.write() as session:
        run = a_run(session, *(a_leg(session, a_child(session, name), on=ON) for name in ("小雨", "小杰")))
        run.published_at = NOW
        for number in range(people):
            a_volunteer(session, f"司机{number}")

    spent = cost(desk, f"/rota/runs/{run.id}")

    assert len(spent) <= 7 + CANDIDATES, "\n".join(spent)


@pytest.mark.parametrize("days", [1, 3])
def test_repairs_cost_the_planners_problem_of_the_week_however_many_rides_there_are(
    desk: Desk, days: int
) -> None:
    with desk.house.store.write() as session:
        a_full_day(session, ON - timedelta(days=1), children=24, days=days)
        run = a_run(session, a_leg(session, a_child(session, "小雨"), on=ON))
        run.published_at = NOW

    spent = cost(desk, f"/rota/runs/{run.id}?repairs=true")

    assert len(spent) <= 12 + 2 * CANDIDATES, "\n".join(spent)
