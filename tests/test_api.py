"""What every module owes its readers: sorted public names, docstrings, a size, a light import."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import georetrieve

PACKAGE = Path(georetrieve.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    "PIL",
    "cv2",
    "faiss",
    "fastapi",
    "httpx",
    "huggingface_hub",
    "imagecodecs",
    "lance",
    "lancedb",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "open_clip",
    "openslide",
    "openvino",
    "pandas",
    "pyarrow",
    "rich",
    "scipy",
    "skimage",
    "sklearn",
    "tifffile",
    "timm",
    "torch",
    "torchvision",
    "transformers",
    "typer",
    "uvicorn",
)
MAX_LINES = 400

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def declared(tree):
    """The literal ``__all__`` of a module, or None."""
    for node in tree.body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return ast.literal_eval(node.value)
    return None


def public_definitions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]


def constants_classes_functions(name):
    """The order ruff keeps: FAMILIES, Family, families."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def dotted(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


@every_module
def test_all_is_sorted_and_complete(path):
    tree = parse(path)
    names = declared(tree) or []
    assert len(names) == len(set(names))
    assert list(names) == sorted(names, key=constants_classes_functions)
    # Commands are public by registering; everywhere else __all__ says what is.
    if "cli" not in path.relative_to(PACKAGE).parts:
        assert {node.name for node in public_definitions(tree)} <= set(names)


@every_module
def test_names_in_all_exist(path):
    names = declared(parse(path))
    if names is None:
        pytest.skip("no __all__")
    module = importlib.import_module(dotted(path))
    assert [name for name in names if not hasattr(module, name)] == []


@every_module
def test_everything_public_has_a_docstring(path):
    tree = parse(path)
    if path.name != "__init__.py" or tree.body:
        assert ast.get_docstring(tree), "the module"
    bare = []
    for node in public_definitions(tree):
        inner = public_definitions(node) if isinstance(node, ast.ClassDef) else []
        bare += [each.name for each in (node, *inner) if not ast.get_docstring(each)]
    assert bare == []


@every_module
def test_modules_stay_readable(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def imported_by(statement):
    """Names of all modules in ``sys.modules`` of a fresh interpreter after ``statement``."""
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import georetrieve", "import georetrieve.errors"])
def test_importing_the_package_loads_nothing_heavy(statement):
    assert imported_by(statement) & set(HEAVY) == set()


def test_listing_the_encoders_loads_no_network_library():
    names = imported_by("from georetrieve.encoders import registry; registry.families()")
    assert names & {"torch", "timm", "torchvision", "lancedb", "skimage", "sklearn"} == set()
