"""The long flows: each database has a process of its own, so that `-n 2 --dist loadgroup` runs them side by side."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and "tests/flows" in str(item.path):
            item.add_marker(pytest.mark.xdist_group(f"flows-{callspec.params.get('store', 'sqlite')}"))
