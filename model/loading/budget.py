"""What memory is free for a model now, on the device that the operator wished for."""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

from model.loading.device import choose_device
from model.loading.memory_plan import MemoryBudget

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
# cgroup v1 writes "no limit" as the largest multiple of a page that fits into 63 bits.
NO_LIMIT = 1 << 60


def measure_budget(device_wish: str) -> MemoryBudget:
    """Bytes that are free now; what a load would push out is the caller's to add.

    Args:
        device_wish: "auto", "cpu", or "cuda" with an optional index. Without one, all cards count.

    Raises:
        ModelLoadError: a CUDA device is wished for and there is none.
    """
    device = choose_device(device_wish)
    if device.type != "cuda":
        free = free_main_memory()
        return MemoryBudget("cpu", free, (free,))
    cards = range(torch.cuda.device_count()) if device.index is None else [device.index]
    by_card = tuple(map(_free_on_card, cards))
    name = f"cuda:{cards[0]}" if len(cards) == 1 else f"{len(cards)} GPUs"
    return MemoryBudget(name, sum(by_card), by_card, free_main_memory())


def free_main_memory(cgroups: Path = CGROUPS, own_cgroups: Path = OWN_CGROUPS) -> int:
    """Bytes that this process may still take: the machine's, or its container's where that is less.

    Inside a container the machine's figure shows what the container may not have.
    """
    available: int = psutil.virtual_memory().available
    return min([available, *_free_in_cgroups(cgroups, own_cgroups)])


def _free_on_card(index: int) -> int:
    free, _ = torch.cuda.mem_get_info(index)
    # What torch keeps for itself between allocations is as good as free.
    return int(free + torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index))


def _free_in_cgroups(cgroups: Path, own_cgroups: Path) -> list[int]:
    """What each limit on the way up leaves. Formats: cgroups(7), and the kernel's
    Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst."""
    found = []
    for line in _read(own_cgroups).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            root, limit, usage = cgroups, "memory.max", "memory.current"
            inactive = "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, usage = (
                cgroups / "memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            )
            inactive = "total_inactive_file"
        else:
            continue
        # Inside a container the path may be the host's; its own group is then the mount's root.
        for folder in _upwards(root, path):
            free = _left(folder, limit, usage, inactive)
            if free is not None:
                found.append(free)
    return found


def _upwards(root: Path, path: str) -> list[Path]:
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return [root.joinpath(*parts[:count]) for count in range(len(parts), -1, -1)]


def _left(folder: Path, limit: str, usage: str, inactive: str) -> int | None:
    """Limit less usage; files that the kernel would drop from its cache do not count as used."""
    most, used = _number(folder / limit), _number(folder / usage)
    if most is None or used is None or most >= NO_LIMIT:
        return None
    rows = (line.split() for line in _read(folder / "memory.stat").splitlines())
    droppable = next((int(row[1]) for row in rows if row[:1] == [inactive]), 0)
    return max(0, most - max(0, used - droppable))


def _number(file: Path) -> int | None:
    text = _read(file).strip()
    return int(text) if text.isdecimal() else None  # "max" is no limit


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""  # no such file: another system, or another version of cgroups
