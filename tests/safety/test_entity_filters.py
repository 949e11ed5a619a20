"""Of what a model finds, only what may be somebody's is kept."""

from __future__ import annotations

import pytest

from safety.entity_filters import is_somebodys
from safety.spans import Kind, Span


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("NAME", "Eva Berg"),
        ("NAME", "José\nNúñez"),
        ("USERNAME", "evab"),
        ("PASSWORD", "hunter2"),
        ("EMAIL", "eva@velomat.io"),
        ("IP_ADDRESS", "93.184.216.34"),
        ("KEY", "aB3dE6gH9jK2mN5pQ8sT1vW4"),
    ],
)
def test_personal_data_is_kept(kind: Kind, value: str) -> None:
    assert is_somebodys(Span(0, len(value), kind, value, 0.9))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("NAME", "Eva"),
        ("NAME", "Jacqueline"),
        ("USERNAME", "eva"),
        ("PASSWORD", "abc"),
        ("EMAIL", "eva@example.com"),
        ("EMAIL", "eva"),
        ("IP_ADDRESS", "192.168.0.1"),
        ("IP_ADDRESS", "8.8.8.8"),
        ("IP_ADDRESS", "1.2.3"),
        ("KEY", "aB3dE6gH"),
        ("KEY", "connection_string"),
        ("KEY", "your-api-key-aB3dE6gH9jK2"),
    ],
)
def test_nobodys_is_dropped(kind: Kind, value: str) -> None:
    assert not is_somebodys(Span(0, len(value), kind, value, 0.9))
