"""Which layers a build holds, and what kernels will say of each: read by `ast`, nothing is run.

kernels takes a layer from `layers` of the package (`_get_kernel_layer` in `kernels.layer.layer` of
0.17.2). Code can do anything when it runs: what cannot be told for certain is no finding.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from kernel_schema.builds.classes import Layer, dotted, layer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


@dataclass(frozen=True)
class Contents:
    """What the code of a build binds.

    Args:
        layers: What `layers` binds, by name.
        complete: Whether nothing else can be bound there when the code runs.
        functions: Names of the functions at the top level of the package: no layers.
        broken: `file:line` of the first file that is not Python, with what is wrong; else None.
        has_layers: Whether the package binds `layers`; None if that cannot be told.
    """

    layers: Mapping[str, Layer] = field(default_factory=dict[str, Layer])
    complete: bool = False
    functions: frozenset[str] = frozenset()
    broken: str | None = None
    has_layers: bool | None = None

    @property
    def usable(self) -> list[str]:
        """The layers that kernels takes, as far as that can be told."""
        return [layer.name for layer in self.layers.values() if layer.place and not layer.refused]


def read_contents(
    read: Callable[[str], str | None],
    package: str | None,
    wanted: frozenset[str] | None = None,
) -> Contents:
    """What the code of a build binds.

    Args:
        read: Gives the text of a file of the build by its path, or None.
        package: Python name of the kernel: older builds have a folder of that name.
        wanted: Layers that are asked for: what is imported is looked up for these alone, where
            each file takes its time. All are, if left out.

    >>> files = {"__init__.py": "from . import layers", "layers.py": "class Norm(Module): x = 1"}
    >>> read_contents(files.get, None).layers["Norm"].place
    'layers.py:1'
    """
    code = _Code(read, wanted)
    root = ()
    init = code.module(())
    if init is None and package:
        root = (package,)
        init = code.module(root)
    if init is None:
        return Contents(broken=code.broken or "there is no `__init__.py`")
    functions = frozenset(
        statement.name for statement in init.body if isinstance(statement, ast.FunctionDef)
    )
    bound = _binds_layers(init)
    target = code.module((*root, "layers")) if bound is not False else None
    if target is None:
        return Contents(functions=functions, broken=code.broken, has_layers=bound and None)
    names = _names(code, target, frozenset({target.path}))
    complete = names.complete and code.broken is None
    return Contents(names.layers, complete, functions, code.broken, bound)


@dataclass(frozen=True)
class _Module:
    path: str
    package: tuple[str, ...]
    body: tuple[ast.stmt, ...]


class _Code:
    """The modules of a build, each parsed once."""

    def __init__(
        self, read: Callable[[str], str | None], wanted: frozenset[str] | None = None
    ) -> None:
        self._read = read
        self._wanted = None if wanted is None else {*wanted}
        self._modules: dict[tuple[str, ...], _Module | None] = {}
        self.broken: str | None = None

    def wants(self, aliases: Iterable[ast.alias]) -> bool:
        """Whether an import is to be followed, and what it imports is wanted there too."""
        if self._wanted is None:
            return True
        followed = {
            alias.name for alias in aliases if (alias.asname or alias.name) in {*self._wanted, "*"}
        }
        self._wanted |= followed
        return bool(followed)

    def module(self, name: tuple[str, ...]) -> _Module | None:
        if name not in self._modules:
            self._modules[name] = self._parsed(name)
        return self._modules[name]

    def _parsed(self, name: tuple[str, ...]) -> _Module | None:
        for path, package in (
            ("/".join((*name, "__init__.py")), name),
            (f"{'/'.join(name)}.py", name[:-1]),
        ):
            text = self._read(path) if package != name or path.endswith("__init__.py") else None
            if text is None:
                continue
            try:
                return _Module(path, package, tuple(ast.parse(text).body))
            except SyntaxError as error:
                problem = f"{path}:{error.lineno or 1}: it is not Python"
            except (ValueError, RecursionError, MemoryError):
                problem = f"{path}:1: it is not Python"
            self.broken = self.broken or problem
            return None
        return None


@dataclass
class _Names:
    layers: dict[str, Layer] = field(default_factory=dict[str, Layer])
    complete: bool = True

    def bind(self, name: str, layer: Layer) -> None:
        """Bind a name; which of two holds is seen only when the code runs."""
        self.layers[name] = Layer(name) if name in self.layers else replace(layer, name=name)


_DEEPEST: Final = 8


def _names(code: _Code, module: _Module, seen: frozenset[str]) -> _Names:
    """What a module binds at its top level."""
    names = _Names()
    classes = {
        statement.name: statement
        for statement in _statements(module.body)
        if isinstance(statement, ast.ClassDef)
    }
    for statement in _statements(module.body):
        match statement:
            case ast.ClassDef(name=name):
                names.bind(name, layer_of(statement, module.path, names.layers, classes))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.complete &= name != "__getattr__"
                place = f"{module.path}:{statement.lineno}"
                refused = "is a function, not a class" if not statement.decorator_list else None
                names.bind(name, Layer(name, place, refused))
            case ast.ImportFrom():
                _import(code, module, statement, names, seen)
            case ast.Import(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    names.layers[name] = Layer(name, refused="is a module, not a class")
            case ast.Assign() | ast.AnnAssign():
                _assign(statement, names)
            case ast.Expr() if not _reaches_names(statement):
                pass
            case ast.Pass() | ast.Assert():
                pass
            case _:
                # Loops and `del` may bind or unbind anything, and what raises binds nothing.
                names.complete = False
    return names


def _reaches_names(statement: ast.stmt) -> bool:
    """Whether a statement may bind names of its module other than by binding them."""
    return any(
        (isinstance(node, ast.Name) and node.id in _REACHING)
        or (isinstance(node, ast.Attribute) and node.attr in {"modules", "__dict__"})
        for node in ast.walk(statement)
    )


_REACHING: Final = {"globals", "vars", "locals", "exec", "eval", "setattr", "__import__"}


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module does; those of every branch."""
    for statement in body:
        match statement:
            case ast.If():
                if "TYPE_CHECKING" not in dotted(statement.test):
                    yield from _statements(statement.body)
                yield from _statements(statement.orelse)
            case ast.Try():
                yield from _statements(statement.body)
                for handler in statement.handlers:
                    yield from _statements(handler.body)
                yield from _statements([*statement.orelse, *statement.finalbody])
            case ast.With():
                yield from _statements(statement.body)
            case _:
                yield statement


def _import(
    code: _Code, module: _Module, statement: ast.ImportFrom, names: _Names, seen: frozenset[str]
) -> None:
    inner = None
    if 0 < statement.level <= len(module.package) + 1 and code.wants(statement.names):
        package = module.package[: len(module.package) - statement.level + 1]
        dotted = tuple(filter(None, (statement.module or "").split(".")))
        inner = code.module((*package, *dotted))
    known = _Names(complete=False)
    if inner is not None and inner.path not in seen and len(seen) < _DEEPEST:
        known = _names(code, inner, seen | {inner.path})
    for alias in statement.names:
        if alias.name == "*":
            names.complete &= known.complete
            for name, layer in known.layers.items():
                if not name.startswith("_"):
                    names.bind(name, layer)
            continue
        bound = alias.asname or alias.name
        names.bind(bound, known.layers.get(alias.name, Layer(bound)))


def _assign(statement: ast.Assign | ast.AnnAssign, names: _Names) -> None:
    if statement.value is None:
        return
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets:
        if isinstance(target, ast.Name):
            source = statement.value.id if isinstance(statement.value, ast.Name) else ""
            names.bind(target.id, names.layers.get(source, Layer(target.id)))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                if isinstance(element, ast.Name):
                    names.bind(element.id, Layer(element.id))
                else:
                    names.complete = False
        elif not isinstance(target, ast.Attribute) or isinstance(target.value, ast.Call):
            names.complete = False  # globals()["Name"] = ...


def _binds_layers(init: _Module) -> bool | None:
    """Whether a package binds `layers`: importing it from anywhere inside does."""
    statements = list(_statements(init.body))
    if any(map(_imports_layers, statements)):
        return True
    # What else the package imports may import `layers` in its turn, and what it calls as well.
    return False if all(map(_is_quiet, statements)) else None


def _imports_layers(statement: ast.stmt) -> bool:
    match statement:
        case ast.ImportFrom(module=module, level=level, names=aliases):
            inside = level == 1 and (module or "").split(".")[0] == "layers"
            return inside or "layers" in {alias.asname or alias.name for alias in aliases}
        case ast.Import(names=aliases):
            return "layers" in {alias.asname for alias in aliases}
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Name) and target.id == "layers" for target in targets)
        case _:
            return False


def _is_quiet(statement: ast.stmt) -> bool:
    match statement:
        case ast.FunctionDef(name=name):
            return name != "__getattr__"
        case ast.ClassDef() | ast.Import() | ast.ImportFrom(level=0):
            return True
        case _:
            return not any(
                isinstance(node, (ast.Call, ast.ImportFrom)) for node in ast.walk(statement)
            )
