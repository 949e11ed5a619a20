"""Requests made from the API's own description, good and bad: the answers are as described."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.openapi import describe
from api.server import build_server
from tests.api.clients import build_service
from tests.servers import server_in_thread

NOT_SERVED = 501
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]

server = build_server(build_service(), max_body_bytes=200_000, is_public=False)
schema = schemathesis.openapi.from_dict(describe(server, wants_key=False))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with server_in_thread(server) as address:
        yield address


@pytest.mark.slow
@schema.parametrize()
@hypothesis.settings(
    max_examples=20,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_answers_are_as_described(case: schemathesis.Case, url: str) -> None:
    answer = case.call(base_url=url, timeout=30)
    assert answer.status_code < 500 or answer.status_code == NOT_SERVED
    case.validate_response(answer, checks=CHECKS)
