"""OpenAI's routes over the wire: golden files of each, and requests as known clients send them.

`source` in each file says whose request it is, and where its form stands.
"""

from __future__ import annotations

import pytest

from tests.api.clients import api_client
from tests.api.openai.wire_files import without_ids
from tests.api.wire_files import WireCase, wire_cases


@pytest.mark.parametrize("case", wire_cases("openai"), ids=lambda case: case.name)
async def test_the_wire_is_as_the_golden_file_has_it(case: WireCase) -> None:
    async with api_client() as client:
        case.check(without_ids(await case.ask(client)))
