"""The one vocabulary: every code that a page may meet has its icon, word and colour."""

from escort.cases.models import CaseKind
from escort.journeys.board import ACTIONS
from escort.journeys.leg_codes import LegCode
from escort.rota.week import CellCode
from escort.web.coordinator.today import KIND_WORDS
from escort.web.render import TEMPLATES
from escort.web.status import STATUSES


def test_every_code_of_a_leg_or_a_cell_has_its_status() -> None:
    assert {*LegCode, *CellCode} <= set(STATUSES)


def test_every_status_has_an_icon_that_is_drawn() -> None:
    drawn = (TEMPLATES / "macros" / "icons.html").read_text()

    assert [one.icon for one in STATUSES.values() if f'"{one.icon}":' not in drawn] == []


def test_every_kind_of_case_has_words_and_a_place_in_the_queue() -> None:
    assert set(KIND_WORDS) == set(CaseKind) == set(ACTIONS)
