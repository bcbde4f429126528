"""A class of a kernel as kernels will see it, from its source alone.

Source of what kernels asks: `_validate_layer` in `kernels.layer.layer` of 0.17.2. A layer is an
`nn.Module` without a constructor of its own, and without members other than `forward`,
`can_torch_compile` and `has_backward`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from kernel_schema.wording import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

Kinds: TypeAlias = "tuple[tuple[str, str], ...]"
"""Parameters of a `forward`, each with its kind, as `inspect.Parameter` names it."""


@dataclass(frozen=True)
class Layer:
    """Something that a build binds in `layers`.

    Args:
        name: Its name there.
        place: `file:line` where it is written, from the folder of the build; empty if unknown.
        refused: Why kernels does not take it, in words that follow on its name; None if it does,
            or if that cannot be told.
        has_backward: Whether it serves training; None if that cannot be told.
        can_torch_compile: Whether it serves under `torch.compile`; None if that cannot be told.
        parameters: Those of `forward`, `self` included; None if they cannot be told.
    """

    name: str
    place: str = ""
    refused: str | None = None
    has_backward: bool | None = None
    can_torch_compile: bool | None = None
    parameters: Kinds | None = None


# What `nn.Module` has: a layer may override these. A test holds the list against torch.
_MEMBERS: Final = """
    T_destination __annotations__ __call__ __class__ __delattr__ __dict__ __dir__ __doc__ __eq__
    __format__ __ge__ __getattr__ __getattribute__ __getstate__ __gt__ __hash__ __init__
    __init_subclass__ __le__ __lt__ __module__ __ne__ __new__ __reduce__ __reduce_ex__ __repr__
    __setattr__ __setstate__ __sizeof__ __str__ __subclasshook__ __weakref__ _apply _call_impl
    _compiled_call_impl _get_backward_hooks _get_backward_pre_hooks _get_name
    _load_from_state_dict _maybe_warn_non_full_backward_hook _named_members
    _register_load_state_dict_pre_hook _register_state_dict_hook _replicate_for_data_parallel
    _save_to_state_dict _slow_forward _version _wrapped_call_impl add_module apply bfloat16
    buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float
    forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict
    modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train type xpu zero_grad
"""
MODULE_MEMBERS: Final = frozenset(_MEMBERS.split())


def layer_of(
    node: ast.ClassDef,
    path: str,
    bound: Mapping[str, Layer],
    classes: Mapping[str, ast.ClassDef],
) -> Layer:
    """A class as kernels will see it.

    Args:
        node: The class statement.
        path: Its file, from the folder of the build.
        bound: What the module has bound so far.
        classes: The class statements of the module, by name.
    """
    layer = Layer(node.name, f"{path}:{node.lineno}")
    bases = [dotted(base) for base in node.bases]
    if node.decorator_list or node.keywords:
        return layer
    if bases in ([], ["object"]):
        return replace(layer, refused="is no `nn.Module`")
    if len(bases) == 1:
        base = bases[0]
        imported = base == "Module" and bound.get(base) == Layer(base)
        if base in _MODULES or imported:
            layer = replace(layer, has_backward=True, can_torch_compile=False, refused=_NO_FORWARD)
        elif base in classes and base in bound:
            layer = replace(bound[base], name=node.name, place=layer.place)
    return _with_members(node, layer)


_MODULES: Final = {"nn.Module", "torch.nn.Module", "torch.nn.modules.module.Module"}
_NO_FORWARD: Final = "has no `forward`"


def _with_members(node: ast.ClassDef, layer: Layer) -> Layer:
    """A layer with what its class binds itself, on top of what its base has."""
    values = _bindings(node.body)
    if values is None:
        return Layer(layer.name, layer.place)
    if "has_backward" in values:
        layer = replace(layer, has_backward=_flag(values["has_backward"]))
    if "can_torch_compile" in values:
        layer = replace(layer, can_torch_compile=_flag(values["can_torch_compile"]))
    refused = layer.refused
    if "forward" in values:
        layer = replace(layer, parameters=_parameters(values["forward"]))
        refused = None if refused == _NO_FORWARD else refused
    own = sorted(name for name in values if name not in MODULE_MEMBERS and name not in _FLAGS)
    if "__init__" in values:
        refused = "has a constructor of its own: a kernel's layer is stateless"
    elif own and refused in {None, _NO_FORWARD}:
        members = listing(own[:3], "and")
        refused = f"has members of its own ({members}): kernels takes none"
    return replace(layer, refused=refused)


def _bindings(body: list[ast.stmt]) -> dict[str, ast.AST] | None:
    """What the body of a class binds; None if that cannot be told."""
    values: dict[str, ast.AST] = {}
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                values[name] = statement
            case ast.ClassDef(name=name):
                values[name] = statement
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value):
                values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = value
            case ast.AnnAssign(value=None) | ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                return None
    return values


_FLAGS: Final = {"has_backward", "can_torch_compile"}


def _flag(value: ast.AST | None) -> bool | None:
    stated = value.value if isinstance(value, ast.Constant) else None
    return stated if isinstance(stated, bool) else None


def _parameters(node: ast.AST | None) -> Kinds | None:
    """The parameters of a function; None where it is none, or a decorator may change them."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.decorator_list:
        return None
    arguments = node.args
    groups = (
        ("POSITIONAL_ONLY", arguments.posonlyargs),
        ("POSITIONAL_OR_KEYWORD", arguments.args),
        ("VAR_POSITIONAL", [arguments.vararg] if arguments.vararg else []),
        ("KEYWORD_ONLY", arguments.kwonlyargs),
        ("VAR_KEYWORD", [arguments.kwarg] if arguments.kwarg else []),
    )
    return tuple((argument.arg, kind) for kind, group in groups for argument in group)


def dotted(node: ast.expr) -> str:
    """`a.b.c` as it is written; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else ""
