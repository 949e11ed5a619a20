"""What the code looks like from above: imports, lengths and words, read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "misc", "common"}

# Who may not import what. The rooms are in docs/architecture.md.
FORBIDDEN_IMPORTS = {
    "model": {"ui", "api", "safety", "settings", "gradio", "fastapi", "starlette"},
    "ui": {"api", "settings"},
    "api": {"ui", "settings"},
    "safety": {"ui", "api", "settings", "gradio", "fastapi", "torch"},
    "settings": {"ui", "api", "safety", "gradio", "fastapi"},
}
# Inside safety, of model only these.
SAFETY_MAY_IMPORT = ("model.loading", "model.errors")
# The composition root, and what made the models: nothing imports them but themselves.
LEAVES = {"app", "training"}


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: dotted, "model.engine.base"; a package goes by its own name.
        imports: dotted names that it imports anywhere but for types only; `from a import b`
            gives both "a" and "a.b".
        top_level_imports: those of them that run when it is imported.
    """

    name: str
    source: str
    tree: ast.Module
    imports: frozenset[str]
    top_level_imports: frozenset[str]

    @property
    def room(self) -> str:
        return self.name.split(".")[0]


def read_module(name: str, source: str, *, is_package: bool = False) -> Module:
    tree = ast.parse(source)
    package = name if is_package else name.rpartition(".")[0]
    return Module(
        name,
        source,
        tree,
        frozenset(_imports(tree.body, package, in_functions=True)),
        frozenset(_imports(tree.body, package, in_functions=False)),
    )


def read_project(root: Path, rooms: tuple[str, ...]) -> dict[str, Module]:
    """The modules in `rooms`: packages or single files below `root`. Absent rooms are empty."""
    paths = [path for room in rooms for path in (root / room).rglob("*.py")]
    paths += [root / f"{room}.py" for room in rooms if (root / f"{room}.py").is_file()]
    modules = {}
    for path in paths:
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = read_module(name, path.read_text("utf-8"), is_package=is_package)
    return modules


def _imports(body: list[ast.stmt], package: str, *, in_functions: bool) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(source, names, level):
                parents = package.split(".")[: len(package.split(".")) - level + 1]
                origin = ".".join([*(parents if level else []), *([source] if source else [])])
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in names)
            case ast.If(test) if ast.unparse(test).endswith("TYPE_CHECKING"):
                yield from _imports(statement.orelse, package, in_functions=in_functions)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not in_functions:
                continue
            case _:
                for block in _blocks(statement):
                    yield from _imports(block, package, in_functions=in_functions)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of statements inside a compound statement."""
    for field in ("body", "orelse", "finalbody"):
        yield getattr(statement, field, [])
    for branch in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield branch.body


def find_forbidden_imports(modules: Mapping[str, Module]) -> list[str]:
    found = []
    for module in modules.values():
        forbidden = FORBIDDEN_IMPORTS.get(module.room, set()) | LEAVES - {module.room}
        for name in sorted(module.imports):
            if name.split(".")[0] in forbidden or _is_closed_to_safety(module, name):
                found.append(f"{module.name} imports {name}")
    return found


def _is_closed_to_safety(module: Module, name: str) -> bool:
    is_of_model = module.room == "safety" and name.split(".")[0] == "model"
    return is_of_model and name != "model" and not name.startswith(SAFETY_MAY_IMPORT)


def find_cycle(modules: Mapping[str, Module]) -> list[str]:
    """The modules of one circle of top-level imports, first and last the same; or nothing."""
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished:
            return []
        for imported in sorted(modules[name].top_level_imports & modules.keys() - {name}):
            if cycle := visit(imported, [*path, name]):
                return cycle
        finished.add(name)
        return []

    return next((cycle for name in sorted(modules) if (cycle := visit(name, []))), [])


def find_long_files(modules: Mapping[str, Module]) -> list[str]:
    lengths = {name: module.source.count("\n") for name, module in modules.items()}
    return [f"{name}: {n} lines" for name, n in lengths.items() if n > MAX_FILE_LINES]


def find_long_functions(modules: Mapping[str, Module]) -> list[str]:
    found = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    found.append(f"{module.name}.{node.name}: {length} lines")
    return found


def find_global_statements(modules: Mapping[str, Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
    ]


def find_empty_names(modules: Mapping[str, Module]) -> list[str]:
    return [name for name in modules if EMPTY_NAMES & set(name.split("."))]


def find_prints(modules: Mapping[str, Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
