"""Where a program asks whether a text holds personal data: POST /pii.

A route of ours, since no protocol has one. Nothing is checked that was not sent here: prompts and
answers of the other routes pass as they are.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel, Field

from model.prompts.texts import check_texts
from safety.redaction import redact
from safety.spans import Detector, Kind, Span


class CheckRequest(BaseModel):
    text: str = Field(
        description="A prompt, a result or a file.",
        examples=['server = "52.174.18.9"  # ask jane.roe@contoso.com\n'],
    )


class Finding(BaseModel):
    kind: Kind
    start: int = Field(description="From which character.")
    end: int = Field(description="Up to which, exclusive.")
    line: int = Field(description="From 1.")
    column: int = Field(description="From 1, in characters.")
    value: str
    confidence: float = Field(description="0 to 1, for a threshold; no measured probability.")
    replacement: str = Field(description="BigCode's; the same value has the same everywhere.")


class Checked(BaseModel):
    findings: list[Finding] = Field(description="By place; no two overlap.")
    redacted: str = Field(description="The text with each of them replaced.")


def build_routes(detector: Detector) -> APIRouter:
    router = APIRouter(tags=["Server"])
    # One at a time, beside the event loop: a scan is work for a processor.
    turn = asyncio.Lock()

    @router.post("/pii")
    async def pii(body: CheckRequest) -> Checked:
        """E-mail addresses, public IP addresses and keys in a text, and the text without them."""
        check_texts([("text", body.text)])
        async with turn:
            return await asyncio.to_thread(_check, detector, body.text)

    return router


def _check(detector: Detector, text: str) -> Checked:
    spans = detector.find(text)
    given: dict[str, str] = {}
    redacted = redact(text, spans, given)
    findings, line, last = [], 1, 0
    for span in spans:
        line += text.count("\n", last, span.start)
        last = span.start
        findings.append(_finding(text, span, line, given[span.value]))
    return Checked(findings=findings, redacted=redacted)


def _finding(text: str, span: Span, line: int, replacement: str) -> Finding:
    return Finding(
        kind=span.kind,
        start=span.start,
        end=span.end,
        line=line,
        column=span.start - text.rfind("\n", 0, span.start),
        value=span.value,
        confidence=span.confidence,
        replacement=replacement,
    )
