"""No text makes a scan slower than in proportion to its length."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Callable

import pytest

import safety
from safety.detector import PatternDetector

# Each, many times over, is nearly what some pattern looks for.
NEAR_MISSES = (
    *("a", "A1", "a@", "a.", "a@b.", "a@b.c", "a-", "@", ".", "é@é."),
    *("1.", "1.1.1.", "255.255.255.2555", "12", "2001:", "2001::", ":", "2a01:1:", "a:"),
    *("sk-", "sk-T3BlbkFJ", "eyJ", "eyJa.", "//", "//:_authToken", "xoxb-1-", "AKIA", "aws key '"),
    *("npm_", "hf_", "glpat-", "github_pat_", "SG.", "AC0", "pypi-AgEIcHlwaS5vcmc", "M.aaaaaa."),
    *("-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN A A PRIVATE KEY-----\n"),
    *("key=", "key: ", "secret ", "token='", "cl key ", "softlayer_key ", "Key", "_key", "sha"),
    *(
        "://",
        "://a?",
        "https://u:p@",
        "'",
        '"a1',
        "=",
        "+/",
        "/",
        "version ",
        " ",
        "\n",
        "0x",
        "aA1/",
    ),
)
LENGTH = 100_000
PARTS = 4
# In proportion it is 4, squared it is 16.
LIMIT = 9
# Below this nothing can be told of a growth.
FLOOR_SECONDS = 0.004


def patterns() -> dict[str, re.Pattern[str]]:
    """Every pattern that a module of the package holds."""
    modules = [
        importlib.import_module(f"safety.{m.name}") for m in pkgutil.iter_modules(safety.__path__)
    ]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def growth(scan: Callable[[str], object], near_miss: str, length: int = LENGTH) -> float:
    """How much longer all takes than a part of it. What is over the limit is measured again: a
    busy machine disturbs one measurement, and not each."""
    long = (near_miss * length)[:length] + "!"
    short = long[: length // PARTS] + "!"
    ratio = 0.0
    for _ in range(3):
        taken = seconds(lambda: scan(long))
        ratio = taken / max(seconds(lambda: scan(short)), FLOOR_SECONDS)
        if ratio < LIMIT:
            break
    return ratio


def test_a_pattern_that_is_not_linear_is_found_out() -> None:
    assert growth(re.compile(r"a+b").findall, "a", length=20_000) > LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(patterns()))
def test_every_pattern_takes_time_in_proportion(name: str) -> None:
    pattern = patterns()[name]
    for near_miss in NEAR_MISSES:
        assert growth(pattern.findall, near_miss) < LIMIT, near_miss


@pytest.mark.parametrize("near_miss", NEAR_MISSES)
def test_a_scan_with_all_plugins_takes_time_in_proportion(near_miss: str) -> None:
    assert growth(PatternDetector().find, near_miss) < LIMIT
