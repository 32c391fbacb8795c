"""The shape of the package, read off its source: imports go one way, problems are named in declarations only, and nothing is left unfinished."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import convlab
import convlab_problems
from convlab.problem import installed_families
from convlab.theorem import Instance

HOUSE = Path(convlab.__file__).parent
PROBLEMS = Path(convlab_problems.__file__).parent
FILES = {path.relative_to(HOUSE.parent).as_posix(): path for path in sorted(HOUSE.rglob("*.py"))}
PROBLEM_FILES = {path.relative_to(PROBLEMS.parent).as_posix(): path for path in sorted(PROBLEMS.rglob("*.py"))}

# Each layer imports from those above it, and from its own. `probing` (how audits look for trouble) is a tool of the assumptions, `catalogue` and `userfile`
# find declarations; they stand where their imports put them.
LAYERS = (
    {"symbols", "constants", "errors", "vocabulary", "declaring"},
    {"arithmetic", "jsonfile"},
    {"draws", "operations", "probing"},
    {"problem", "metrics", "assumptions"},
    {"inequalities", "algorithms"},
    {"theorem", "figure"},
    {"theorems", "figures", "catalogue", "userfile"},
    {"run"},
    {"judge", "prove"},
    {"falsify"},
    {"report", "testing", "adapters"},
    {"cli"},
)
LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}
OPEN_TO_PROBLEMS = {"problem", "constants", "arithmetic", "draws", "assumptions", "operations"}
WORDS_FOR_OTHER_THINGS = {"workers", "bilinear"}      # a symbol and an audited property share their name with a family


def imported(path: Path) -> Iterator[str]:
    """Dotted names of what a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            yield from ((f"{module}.{name.name}" for name in node.names) if module in ("convlab", "convlab_problems") else (module,))


def layer(name: str) -> str:
    """The second part of convlab.run.engine."""
    return name.split(".")[1] if "." in name else ""


def wrong_imports(path: Path, own: str) -> list[str]:
    """Imports of convlab that point downwards from the layer `own`."""
    return [name for name in imported(path) if name.startswith("convlab.") and LEVEL[layer(name)] > LEVEL[own]]


@pytest.mark.parametrize("name", [name for name in FILES if name != "convlab/__init__.py"])
def test_imports_go_one_way(name: str) -> None:
    """No module imports from a layer below its own; every module has its place in LAYERS."""
    own = name.removesuffix(".py").split("/")[1]

    assert own in LEVEL, f"give {own} its place in LAYERS"
    assert wrong_imports(FILES[name], own) == []


def test_a_wrong_import_would_be_noticed(tmp_path: Path) -> None:
    """The engine must not know the judge, even inside a function."""
    file = tmp_path / "engine.py"
    file.write_text("from convlab.theorem import Mode\n\ndef late():\n    from convlab.judge.check import check\n", encoding="utf-8")

    assert wrong_imports(file, "run") == ["convlab.judge.check"]


@pytest.mark.parametrize("name", PROBLEM_FILES)
def test_problems_know_only_what_any_package_of_problems_may_know(name: str) -> None:
    """convlab_problems registers as a stranger's package would: it imports six modules of convlab, and itself."""
    ours = {layer(found) for found in imported(PROBLEM_FILES[name]) if found.split(".")[0] == "convlab"}

    assert ours <= OPEN_TO_PROBLEMS


@pytest.mark.parametrize("name", FILES)
def test_convlab_knows_no_concrete_problem(name: str) -> None:
    """No file imports convlab_problems, and no string outside a declaration (`theorems` and `figures`, where an Instance names its family) is a family's name."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    families = set(installed_families()) - WORDS_FOR_OTHER_THINGS

    assert not any(found.split(".")[0] == "convlab_problems" for found in imported(FILES[name]))
    assert name.startswith(("convlab/theorems/", "convlab/figures/")) or strings & families == set()


def test_every_instance_of_the_catalogue_names_an_installed_family() -> None:
    """Tight instances, witnesses and the instances of mutants, all of them."""
    from convlab.catalogue import theorems

    def instances(value: object) -> Iterator[Instance]:
        if isinstance(value, Instance):
            yield value
        elif isinstance(value, (tuple, list)):
            for item in value:
                yield from instances(item)
        elif hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
            for field in value.__dataclass_fields__:
                yield from instances(getattr(value, field))

    found = [instance for theorem in theorems().values() for instance in instances(theorem.claims)]
    assert len(found) > 30
    assert {instance.family for instance in found} <= set(installed_families())


def public(tree: ast.Module) -> Iterator[ast.AST]:
    """Public functions, classes and their public methods."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (inner for inner in node.body if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"))


@pytest.mark.parametrize("name", [*FILES, *PROBLEM_FILES])
def test_every_public_thing_says_what_it_is(name: str) -> None:
    """Modules, public classes, functions and methods have docstrings."""
    tree = ast.parse({**FILES, **PROBLEM_FILES}[name].read_text(encoding="utf-8"))

    assert ast.get_docstring(tree), f"{name} does not say its one idea"
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []      # type: ignore[attr-defined,arg-type]


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|return NotImplemented\b|suppress\((Base)?Exception\)")
CATCHES_ALL = {"convlab/falsify/script.py"}     # runs a program that it has just written, and hands it out only if it did not fail in any way
TEMPLATE = "convlab/cli/template.py"      # writes the TODOs of a user's new theorem


@pytest.mark.parametrize("name", [name for name in [*FILES, *PROBLEM_FILES] if name != TEMPLATE])
def test_nothing_is_left_unfinished(name: str) -> None:
    """No stub, no note to oneself, no handler that hides everything."""
    text = {**FILES, **PROBLEM_FILES}[name].read_text(encoding="utf-8")
    handlers = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler)]

    assert UNFINISHED.findall(text) == []
    everything = [h for h in handlers if h.type is None or (isinstance(h.type, ast.Name) and h.type.id in ("Exception", "BaseException"))]
    assert name in CATCHES_ALL or everything == []


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("test_*.py")), ids=lambda path: path.name)
def test_no_test_is_skipped(path: Path) -> None:
    """What cannot run here is a failure, not a gap: the extra `test` brings all that tests need but torch, a large download, and none is marked as skipped."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    caught = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "Exception"}      # pytest.skip.Exception, expected
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in caught}
    spared = {ast.literal_eval(call.args[0]) for call in ast.walk(tree) if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "importorskip"}

    assert names & {"skip", "skipif", "xfail"} == set()
    assert spared <= {"torch"}
