from collections.abc import Iterator

import pytest
from sqlalchemy.engine import URL

from tests.faults import scenes
from tests.faults.scenes import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, postgresql_server: URL) -> Iterator[Stage]:
    """One provider, and databases to copy, for every test of this folder."""
    with scenes.stage(tmp_path_factory.mktemp("faults"), postgresql_server) as found:
        yield found
