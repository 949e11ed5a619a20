"""Golden wire files: a request as a client sends it, and what goes back over the wire.

A `.json` file holds the case: `source` (whose request it is), `method`, `path`, `request`, `status`
and `answer`; where the answer is no JSON, it lies in the `.txt` beside it, as it is sent. `before`
are requests that are made first. What differs from run to run or from machine to machine is masked:
times, durations, drawn seeds and the processor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

GOLDEN = Path(__file__).parent / "golden"

MASKS = {
    **dict.fromkeys(("created_at", "modified_at"), "TIME"),
    **dict.fromkeys(("total_duration", "prompt_eval_duration", "eval_duration"), "NANOSECONDS"),
    **dict.fromkeys(("arch", "cpu_info", "cpu_count"), "MACHINE"),
}
# "prompt_ms", "timings/predicted_per_second"
TIMING_ENDS = ("_ms", "_per_second")


@dataclass(frozen=True)
class WireCase:
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.path.read_text())
        return data

    @property
    def is_text(self) -> bool:
        return self.path.with_suffix(".txt").exists()

    async def ask(self, client: httpx.AsyncClient) -> httpx.Response:
        for earlier in self.data.get("before", ()):
            await _request(client, earlier)
        return await _request(client, self.data)

    def check(self, response: httpx.Response) -> None:
        """Compare the answer with the file's."""
        assert response.status_code == self.data["status"], response.text
        if self.is_text:
            assert masked_stream(response.text) == self.path.with_suffix(".txt").read_text()
        else:
            # As text, so that the order of the keys counts too.
            expected = json.dumps(self.data["answer"], indent=2, ensure_ascii=False)
            assert json.dumps(masked(response.json()), indent=2, ensure_ascii=False) == expected


async def _request(client: httpx.AsyncClient, case: dict[str, Any]) -> httpx.Response:
    body = {"json": case["request"]} if "request" in case else {}
    return await client.request(case["method"], case["path"], **body)


def wire_cases(folder: str) -> list[WireCase]:
    cases = [WireCase(path) for path in sorted((GOLDEN / folder).glob("*.json"))]
    assert cases, f"no golden files in {folder}"
    return cases


def masked(value: Any, key: str = "") -> Any:
    """`value` without what differs from run to run."""
    if isinstance(value, dict):
        return {name: masked(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    if key in MASKS:
        return MASKS[key]
    if key.endswith(TIMING_ENDS):
        return "TIMING"
    return "SEED" if key == "seed" and isinstance(value, int) and value >= 1_000 else value


def masked_stream(text: str) -> str:
    """The same of server-sent events or lines of JSON."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        start = len("data: ") if line.startswith("data: ") else 0
        if line[start:].startswith("{"):
            body = masked(json.loads(line[start:]))
            encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            lines[index] = line[:start] + encoded
    return "\n".join(lines)
