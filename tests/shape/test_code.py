"""The code's own shape: budgets, docstrings, imports, and what must not be in it."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hub_config", "primehub_spawner", "primehub_services", "benchmarks", "scripts")
MODULE_LINES = 500
FUNCTION_LINES = 70
FUNCTION_LINES_P90 = 30
POSITIONAL = 6


@functools.cache
def tracked() -> tuple[str, ...]:
    """Paths of the files that belong to the project, as git knows them (new ones too)."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for path in done.stdout.splitlines() if (ROOT / path).is_file())


def modules(*folders: str) -> list[Path]:
    """Python files of these top-level folders, without the migrations, which are written once."""
    return [
        ROOT / p
        for p in tracked()
        if p.endswith(".py") and p.split("/")[0] in folders and "migrations/versions" not in p
    ]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines, without decorators."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def where(path: Path, node: ast.AST | None = None) -> str:
    """A place to click on."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def test_modules_stay_small() -> None:
    # the route table and the like are data, a line each; the notebook runner is one file that is mounted alone
    data = {"primehub_services/api/table.py", "primehub_services/runner/run_notebook.py"}
    sizes = {
        where(p): len(p.read_text().splitlines()) for p in modules(*PACKAGES) if str(p.relative_to(ROOT)) not in data
    }
    assert {place: size for place, size in sizes.items() if size > MODULE_LINES} == {}


def test_functions_stay_small() -> None:
    sizes = {f"{where(p, f)} {f.name}": length(f) for p in modules(*PACKAGES) for f in functions(p)}
    assert {place: size for place, size in sizes.items() if size > FUNCTION_LINES} == {}
    assert sorted(sizes.values())[int(len(sizes) * 0.9)] <= FUNCTION_LINES_P90


def test_functions_take_few_positional_parameters() -> None:
    many = []
    for path in modules(*PACKAGES):
        for function in functions(path):
            arguments = [
                a.arg for a in (*function.args.posonlyargs, *function.args.args) if a.arg not in ("self", "cls")
            ]
            command = any("option" in ast.dump(d) or "argument" in ast.dump(d) for d in function.decorator_list)
            if len(arguments) > POSITIONAL and not command:
                many.append(f"{where(path, function)} {function.name}")
    assert many == []


def public(path: Path) -> Iterator[ast.AST]:
    """The module, and its public classes, functions and methods."""
    tree = ast.parse(path.read_text())
    yield tree
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from (
                member
                for member in node.body
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not member.name.startswith("_")
            )


def test_everything_public_says_what_it_is() -> None:
    silent = []
    for path in modules(*PACKAGES):
        if path.stat().st_size == 0:
            continue
        for node in public(path):
            decorators = ast.dump(ast.Module(getattr(node, "decorator_list", []), [])) if node else ""
            overrides = "override" in decorators or "command" in decorators or "setter" in decorators
            if not ast.get_docstring(node) and not overrides:  # type: ignore[arg-type]  # one of the three
                silent.append(f"{where(path, node)} {getattr(node, 'name', 'module')}")
    assert silent == []


def test_imports_go_the_way_that_the_design_says() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_test_sleeps_for_a_time() -> None:
    sleeping = []
    for path in modules("tests"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"):
                continue
            given = node.args[0] if node.args else None
            yields = isinstance(given, ast.Constant) and given.value == 0
            if not yields and path.name != "waiting.py":
                sleeping.append(where(path, node))
    assert sleeping == []


TEXTS = (".py", ".md", ".toml", ".ts", ".tsx", ".json", ".html", ".css", ".js", ".sh", ".yaml", ".yml", "")


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the project."""
    for path in tracked():
        if Path(path).suffix in TEXTS:
            try:
                yield path, (ROOT / path).read_text()
            except UnicodeDecodeError:
                continue


def test_no_file_names_a_package_registrys_address() -> None:
    hosts = [
        ".".join(words) for words in (("npmjs", "org"), ("pythonhosted", "org"), ("pypi", "org"), ("yarnpkg", "com"))
    ]
    assert [f"{path}: {host}" for path, text in texts() for host in hosts if host in text] == []


def test_lock_files_are_free_of_addresses() -> None:
    locks = [path for path in tracked() if path.endswith("package-lock.json")]
    assert locks
    assert [path for path in locks if '"resolved"' in (ROOT / path).read_text()] == []


def test_nothing_is_left_for_later() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    left = []
    for path, text in texts():
        if path.endswith((".json", ".css")) or path.startswith("tests/shape/"):
            continue
        left += [f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if any(m in line for m in marks)]
    assert left == []


@pytest.mark.parametrize("folder", ["unit", "integration", "e2e", "shape"])
def test_test_modules_can_be_collected_by_pytest(folder: str) -> None:
    strange = [
        p
        for p in tracked()
        if p.startswith(f"tests/{folder}/") and p.endswith("_test.py")  # pytest here collects test_*.py
    ]
    assert strange == []
