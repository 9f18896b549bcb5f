import pytest

from escort.db import Store

from .builders import Office


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)
