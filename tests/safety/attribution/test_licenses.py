"""The licence of a file: in its own head, or in the nearest licence file."""

from __future__ import annotations

from pathlib import Path

import pytest

from safety.attribution.licenses import find_license

MIT = """MIT License

Copyright (c) 2024 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "src" / "deep"
    folder.mkdir(parents=True)
    (folder / "code.py").write_text("x = 1\n")
    return folder / "code.py"


@pytest.mark.parametrize("name", ["LICENSE", "licence.txt", "COPYING", "LICENSE-MIT.md"])
def test_a_text_beside_it_is_recognised(file: Path, name: str) -> None:
    (file.parent / name).write_text(MIT)
    assert find_license(file, "", file.parents[2]) == "MIT"


def test_one_in_a_folder_above_counts_up_to_the_root(file: Path, tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(MIT)
    assert find_license(file, "", tmp_path / "repo") == ""
    (tmp_path / "repo" / "LICENSE").write_text(MIT.replace("2024 Somebody", "1999 Others"))
    assert find_license(file, "", tmp_path) == "MIT"


def test_the_nearest_one_counts(file: Path, tmp_path: Path) -> None:
    (tmp_path / "repo" / "LICENSE").write_text(MIT)
    (file.parent / "LICENSE").write_text("SPDX-License-Identifier: Apache-2.0\n\nSee there.\n")
    assert find_license(file, "", tmp_path) == "Apache-2.0"


@pytest.mark.parametrize(
    ("head", "license_"),
    [
        ("# SPDX-License-Identifier: BSD-3-Clause\nimport os\n", "BSD-3-Clause"),
        (
            "/* SPDX-License-Identifier: GPL-2.0+ WITH Linux-syscall-note */",
            "GPL-2.0+ WITH Linux-syscall-note",
        ),
        ("// SPDX-License-Identifier: (MIT OR Apache-2.0)\n", "(MIT OR Apache-2.0)"),
    ],
)
def test_its_own_head_comes_first(file: Path, head: str, license_: str) -> None:
    (file.parent / "LICENSE").write_text(MIT)
    assert find_license(file, head, file.parents[2]) == license_


def test_two_beside_it_are_a_choice(file: Path) -> None:
    (file.parent / "LICENSE-MIT").write_text(MIT)
    (file.parent / "LICENSE-APACHE").write_text("SPDX-License-Identifier: Apache-2.0\n")
    assert find_license(file, "", file.parent) == "Apache-2.0 OR MIT"


@pytest.mark.parametrize(
    "content", [b"All rights reserved.", b"\xff\xfe\x00broken", b"x" * 200_000, b""]
)
def test_what_is_not_known_has_no_name(file: Path, content: bytes) -> None:
    (file.parent / "LICENSE").write_bytes(content)
    assert find_license(file, "", file.parents[2]) == ""
