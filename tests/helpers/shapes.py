"""Shape letters, checked: while tests run, `logp_BT` must be a tensor of two axes wherever a
function takes or makes it, and the B of all that one call takes must be one number.

The letters stand in the names (`docs/architecture.md`), so nothing else has to be written down:
modules that use them are compiled with one check at the head of each function and one after each
assignment, records as they are made. Digits are sizes: `mask_B11T` has two axes of size 1. Outside
tests nothing is checked.

Why not jaxtyping: `Float[Tensor, "B T"]` would say a second time what each name says, in every
signature and with a dependency of the package itself, and would not see names inside a function.
"""

import ast
import re
import sys
from collections.abc import Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]*_((?:[A-Z]|b(?=[A-Z]))[A-Z0-9r]*)")
"""Letters behind the last underscore, `b` and `r` the only small ones."""
CHECK, RECORD = "_check_shapes", "_check_record"


class ShapeError(AssertionError):
    """A tensor has not the axes that its name says."""


def check(where: str, **named: Any) -> None:
    """Hold tensors against the letters of their names; anything else passes.

    Raises: ShapeError.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for name, value in named.items():
        shape = getattr(value, "shape", None)
        if not isinstance(shape, tuple):
            continue
        letters = axes(name)
        if len(shape) != len(letters):
            raise ShapeError(f"{where}: {name} has the shape {tuple(shape)}.")
        for letter, size in zip(letters, shape, strict=True):
            known, of = sizes.setdefault(letter, (int(letter) if letter.isdigit() else size, name))
            if known != size:
                raise ShapeError(
                    f"{where}: {letter} is {size} in {name} {tuple(shape)}, but {known} in {of}."
                )


def axes(name: str) -> list[str]:
    """The letters of a name, one an axis; none if it has no letters."""
    found = NAME.fullmatch(name)
    return list(found[1]) if found else []


def check_record(kind: type) -> type:
    """Have each record of this kind checked as soon as it is made."""
    names = [name for name in getattr(kind, "__dataclass_fields__", ()) if axes(name)]
    make = kind.__init__

    @wraps(make)
    def made(self: Any, *args: Any, **named: Any) -> None:
        make(self, *args, **named)
        check(kind.__qualname__, **{name: getattr(self, name) for name in names})

    if names:
        kind.__init__ = made  # type: ignore[misc]
    return kind


class Checked(ast.NodeTransformer):
    """A module with its checks written into it."""

    def __init__(self, module: str) -> None:
        self.place = [module]

    def _call(self, names: Sequence[str], node: ast.AST) -> list[ast.stmt]:
        if not names:
            return []
        where = f"{'.'.join(self.place)}, line {getattr(node, 'lineno', 0)}"
        named = ", ".join(f"{name}={name}" for name in names)
        made = ast.parse(f"{CHECK}({where!r}, {named})").body
        return [ast.fix_missing_locations(ast.copy_location(one, node)) for one in made]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.place.append(node.name)
        self.generic_visit(node)
        self.place.pop()
        node.decorator_list.insert(0, ast.copy_location(ast.Name(RECORD, ast.Load()), node))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.place.append(node.name)
        self.generic_visit(node)
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        body = node.body
        first = 1 if ast.get_docstring(node) is not None else 0
        names = [one.arg for one in arguments if axes(one.arg)]
        node.body = [*body[:first], *self._call(names, node), *body[first:]]
        self.place.pop()
        return node

    def _assigned(self, node: Any, targets: Sequence[ast.expr]) -> list[ast.stmt]:
        if len(self.place) == 1 or (isinstance(node, ast.AnnAssign) and node.value is None):
            return [node]
        found = [name for target in targets for name in ast.walk(target)]
        names = [one.id for one in found if isinstance(one, ast.Name) and axes(one.id)]
        # One check each: a loop may take pieces of another size.
        return [node, *(call for name in names for call in self._call([name], node))]

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self._assigned(node, node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        return self._assigned(node, [node.target])


class Loader(SourceFileLoader):
    """Compiles with the checks, and leaves no compiled file behind."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path))
        return compile(Checked(fullname).visit(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, CHECK, check)
        setattr(module, RECORD, check_record)
        super().exec_module(module)


class Finder(MetaPathFinder):
    """Gives a package's modules the loader with the checks."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] != self.package:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = Loader(fullname, spec.loader.path)
        return spec


def switch_on(package: str = "paceline") -> None:
    """Check the shapes in all modules of the package that are imported from now on."""
    sys.meta_path.insert(0, Finder(package))
