"""The arrows between the rooms, and the caps on size, hold; and the rules can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import (
    Module,
    find_cycle,
    find_empty_names,
    find_forbidden_imports,
    find_global_statements,
    find_long_files,
    find_long_functions,
    find_prints,
    read_module,
    read_project,
)

ROOT = Path(__file__).parents[1]
PACKAGES = ("model", "ui", "api", "safety")
ROOMS = (*PACKAGES, "settings", "app", "training", "benchmarks")


@pytest.fixture(scope="module")
def project() -> dict[str, Module]:
    return read_project(ROOT, ROOMS)


def modules(**sources: str) -> dict[str, Module]:
    """Modules from sources; two underscores in a name stand for a dot."""
    named = {name.replace("__", "."): source for name, source in sources.items()}
    return {name: read_module(name, source) for name, source in named.items()}


def test_the_project_is_read(project: dict[str, Module]) -> None:
    assert "model.engine.generation.Slot" in project["model.engine.base"].imports
    assert "model.errors" in project["model.engine.events"].top_level_imports


def test_arrows_point_one_way(project: dict[str, Module]) -> None:
    assert find_forbidden_imports(project) == []


def test_there_is_no_import_cycle(project: dict[str, Module]) -> None:
    assert find_cycle(project) == []


def test_files_and_functions_stay_short(project: dict[str, Module]) -> None:
    tests = read_project(ROOT, ("tests",))
    assert find_long_files(project | tests) == []
    assert find_long_functions(project | tests) == []


def test_no_function_changes_module_state(project: dict[str, Module]) -> None:
    assert find_global_statements(project) == []


def test_every_module_has_a_name_that_says_something(project: dict[str, Module]) -> None:
    assert find_empty_names(project) == []


def test_packages_do_not_print(project: dict[str, Module]) -> None:
    packages = {name: module for name, module in project.items() if module.room in PACKAGES}
    assert find_prints(packages) == []


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("model__a", "import gradio as gr"),
        ("model__a", "from ui.editor import Editor"),
        ("model__a", "def late():\n    from settings import Settings"),
        ("model__a", "try:\n    import fastapi\nexcept ImportError:\n    pass"),
        ("ui__a", "import api.server"),
        ("api__a", "from ui import page"),
        ("api__a", "from app import main"),
        ("safety__a", "from model.engine import base"),
        ("safety__a", "import torch"),
        ("benchmarks__a", "import training"),
    ],
)
def test_a_forbidden_import_is_found(importer: str, source: str) -> None:
    assert len(find_forbidden_imports(modules(**{importer: source}))) > 0


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("ui__a", "from model.service import GenerationService"),
        ("api__a", "import fastapi"),
        ("safety__a", "from model.errors import PlaygroundError"),
        ("app", "import ui, api, settings"),
        ("model__a", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gradio"),
    ],
)
def test_an_allowed_import_is_not_found(importer: str, source: str) -> None:
    assert find_forbidden_imports(modules(**{importer: source})) == []


def test_a_cycle_is_found_and_named() -> None:
    circle = modules(m__a="from m import b", m__b="from m.c import x", m__c="from . import a")
    assert find_cycle(circle) == ["m.a", "m.b", "m.c", "m.a"]


def test_an_import_inside_a_function_makes_no_cycle() -> None:
    assert find_cycle(modules(m__a="import m.b", m__b="def f():\n    import m.a")) == []


def test_a_relative_import_is_resolved() -> None:
    package = read_module("m.n", "from ..o import p\nfrom .q import r", is_package=True)
    assert package.imports == {"m.o", "m.o.p", "m.n.q", "m.n.q.r"}


def test_a_long_file_and_a_long_function_are_found() -> None:
    long = modules(m__a="def f():\n" + "    x = 1\n" * 60, m__b="x = 1\n" * 501)
    assert find_long_functions(long) == ["m.a.f: 61 lines"]
    assert find_long_files(long) == ["m.b: 501 lines"]


def test_a_global_statement_a_print_and_an_empty_name_are_found() -> None:
    bad = modules(m__utils="def f():\n    global x\n    print(x)\n")
    assert find_global_statements(bad) == ["m.utils:2"]
    assert find_prints(bad) == ["m.utils:3"]
    assert find_empty_names(bad) == ["m.utils"]
