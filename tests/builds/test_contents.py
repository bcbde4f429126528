"""What a build holds by `ast`, against what kernels says when it loads the same files."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("kernels")

import torch
from kernels import LocalLayerRepository
from kernels.layer.layer import _validate_layer
from torch import nn

from kernel_schema.builds.classes import MODULE_MEMBERS
from kernel_schema.builds.contents import read_contents
from kernel_schema.builds.this_machine import this_machine
from kernel_schema.checks.model import parameters_of

if TYPE_CHECKING:
    from pathlib import Path

_NUMBERS = itertools.count()
_METADATA = (
    '{"name": "contents", "id": "_contents_%d", "version": 1, "license": "MIT", '
    '"python-depends": [], "backend": {"type": "%s"}}'
)
# kernels takes the build for what torch is built for, wherever a model is.
_MACHINE = this_machine()
_FAMILY = (_MACHINE and _MACHINE.family) or "cpu"
_NORM = "import torch\nfrom torch import nn\n\n\n"
_FORWARD = "    def forward(self, x):\n        return x\n"
_INIT = "from . import layers\n"


class Replaced(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


CASES: dict[str, dict[str, str]] = {
    "plain": {"layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}"},
    "torch.nn": {"layers.py": f"import torch\nclass L(torch.nn.Module):\n{_FORWARD}"},
    "Module": {"layers.py": f"from torch.nn import Module\nclass L(Module):\n{_FORWARD}"},
    "docstring": {
        "layers.py": f'{_NORM}class L(nn.Module):\n    """Doc."""\n    w: int\n{_FORWARD}'
    },
    "flags": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    has_backward = False\n"
        f"    can_torch_compile: bool = True\n{_FORWARD}"
    },
    "missing": {"layers.py": f"{_NORM}class Other(nn.Module):\n{_FORWARD}"},
    "function": {"layers.py": "def L(self, x):\n    return x\n"},
    "top function": {"__init__.py": f"{_INIT}def L(x):\n    return x\n", "layers.py": ""},
    "no module": {"layers.py": f"class L:\n{_FORWARD}"},
    "object": {"layers.py": f"class L(object):\n{_FORWARD}"},
    "constructor": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n{_FORWARD}"
    },
    "member": {"layers.py": f"{_NORM}class L(nn.Module):\n    scale = 2\n{_FORWARD}"},
    "method": {"layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}    def helper(self): pass\n"},
    "static": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    @staticmethod\n    def h(): pass\n{_FORWARD}"
    },
    "known method": {
        "layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}    def extra_repr(self): return ''\n"
    },
    "dunder": {
        "layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}    def __len__(self): return 1\n"
    },
    "no forward": {"layers.py": f"{_NORM}class L(nn.Module):\n    pass\n"},
    "two arguments": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    def forward(self, x, y):\n        return x\n"
    },
    "keyword only": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    def forward(self, *, x):\n        return x\n"
    },
    "stars": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    def forward(self, *a, **k):\n"
        "        return 1\n"
    },
    "positional only": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    def forward(self, x, /):\n        return x\n"
    },
    "inherits": {
        "layers.py": f"{_NORM}class B(nn.Module):\n    has_backward = False\n{_FORWARD}"
        "class L(B):\n    can_torch_compile = True\n"
    },
    "inherits member": {
        "layers.py": f"{_NORM}class B(nn.Module):\n    scale = 1\n{_FORWARD}class L(B):\n    pass\n"
    },
    "alias": {"layers.py": f"{_NORM}class B(nn.Module):\n{_FORWARD}L = B\n"},
    "none": {"layers.py": "L = None\n"},
    "imported": {
        "layers.py": "from ._impl import B as L\n",
        "_impl.py": f"{_NORM}class B(nn.Module):\n{_FORWARD}",
    },
    "star": {
        "layers.py": "from ._impl import *\n",
        "_impl.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}",
    },
    "star missing": {
        "layers.py": "from ._impl import *\n",
        "_impl.py": f"{_NORM}class _L(nn.Module):\n{_FORWARD}L2 = _L\n",
    },
    "package": {
        "layers/__init__.py": "from .norm import L\n",
        "layers/norm.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}",
    },
    "package up": {
        "layers/__init__.py": "from ..ops import L\n",
        "ops.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}",
    },
    "conditional": {
        "layers.py": f"{_NORM}if torch.__version__:\n    class L(nn.Module):\n"
        "        def forward(self, x):\n            return x\n"
    },
    "try": {
        "layers.py": "try:\n    from .nothing import L\nexcept ImportError:\n    L = None\n",
    },
    "dynamic": {
        "layers.py": f"{_NORM}class B(nn.Module):\n{_FORWARD}globals()['L'] = B\n",
    },
    "getattr": {
        "layers.py": f"{_NORM}class B(nn.Module):\n{_FORWARD}"
        "def __getattr__(name):\n    return B\n",
    },
    "made": {"layers.py": f"{_NORM}L = type('L', (nn.Module,), {{'forward': lambda s, x: x}})\n"},
    "loop": {
        "layers.py": f"{_NORM}class B(nn.Module):\n{_FORWARD}for L in [B]:\n    pass\n",
    },
    "decorated": {
        "layers.py": f"{_NORM}def d(c):\n    c.extra = 1\n    return c\n"
        f"@d\nclass L(nn.Module):\n{_FORWARD}"
    },
    "decorated forward": {
        "layers.py": f"{_NORM}class L(nn.Module):\n    @torch.no_grad()\n{_FORWARD}"
    },
    "not Python": {"layers.py": "class L(\n"},
    "binds no layers": {"__init__.py": "", "layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}"},
    "from layers": {
        "__init__.py": "from .layers import L\n",
        "layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}",
    },
    "bound inside": {
        "__init__.py": "from . import ops\n",
        "ops.py": "from . import layers\n",
        "layers.py": f"{_NORM}class L(nn.Module):\n{_FORWARD}",
    },
    "no init": {"__init__.py": "raise ImportError('no')\n"},
    "module": {"layers.py": "import os as L\n"},
    "mixin": {
        "layers.py": f"{_NORM}class M:\n    extra = 1\nclass L(nn.Module, M):\n{_FORWARD}",
    },
}


def write(folder: Path, files: dict[str, str]) -> Path:
    build = folder / "build" / f"torch-{_FAMILY}"
    for name, text in {"__init__.py": _INIT, **files}.items():
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text(text)
    (build / "metadata.json").write_text(_METADATA % (next(_NUMBERS), _FAMILY))
    return build


def verdict_of_kernels(folder: Path) -> tuple[type | None, str | None]:
    repository = LocalLayerRepository(folder, layer_name="L")
    try:
        layer = repository.load()
        _validate_layer(check_cls=Replaced, cls=layer, repo=repository)
    except Exception as error:  # noqa: BLE001 (whatever the code of a kernel raises)
        return None, str(error)
    return layer, None


@pytest.mark.parametrize("name", CASES)
def test_kernels_says_the_same(name: str, tmp_path: Path) -> None:
    build = write(tmp_path, CASES[name])

    def read(path: str) -> str | None:
        return (build / path).read_text() if (build / path).is_file() else None

    contents = read_contents(read, None)
    layer, refusal = verdict_of_kernels(tmp_path)
    told = contents.layers.get("L")
    if contents.broken is not None or contents.has_layers is False:
        assert refusal is not None
        return
    if told is None:
        assert not contents.complete or not contents.has_layers or refusal is not None, refusal
        return
    if told.refused is not None:
        assert refusal is not None, told
        return
    wanted = [kind for _, kind in parameters_of(Replaced) or ()]
    if told.parameters is not None and [kind for _, kind in told.parameters] != wanted:
        assert refusal is not None
        assert "Forward signature" in refusal
        return
    if None not in (told.parameters, told.has_backward, told.can_torch_compile):
        assert refusal is None, told
    if layer is not None and told.has_backward is not None:
        assert told.has_backward == getattr(layer, "has_backward", True)
    if layer is not None and told.can_torch_compile is not None:
        assert told.can_torch_compile == getattr(layer, "can_torch_compile", False)


# Those of the cases above of which nothing can be told; all others must be told.
UNTOLD = {
    "star missing", "try", "dynamic", "getattr", "made", "loop", "decorated", "decorated forward",
    "bound inside", "no init", "mixin", "none",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES.keys() - UNTOLD))
def test_what_can_be_told_is_told(name: str, tmp_path: Path) -> None:
    build = write(tmp_path, CASES[name])

    def read(path: str) -> str | None:
        return (build / path).read_text() if (build / path).is_file() else None

    contents = read_contents(read, None)
    layer = contents.layers.get("L")
    told = (
        contents.broken is not None
        or contents.has_layers is False
        or (layer is None and contents.complete)
        or (layer is not None and (layer.refused or layer.parameters) is not None)
    )
    assert told, contents


def test_the_members_of_a_module_are_those_of_torch() -> None:
    import inspect

    # transformers adds one of its own.
    members = {
        name
        for name, value in inspect.getmembers(nn.Module)
        if "transformers" not in str(getattr(value, "__module__", ""))
    }
    assert members <= MODULE_MEMBERS | {
        "__firstlineno__",
        "__static_attributes__",
    }


@pytest.mark.parametrize(
    "text", ["(" * 5000, "-" * 50_000 + "1", "x = " + "[" * 5000, "\0", "a.b" * 9999]
)
def test_no_text_breaks_the_reader(text: str) -> None:
    contents = read_contents({"__init__.py": _INIT, "layers.py": text}.get, None)
    assert contents.broken is not None or contents.layers == {}


def test_only_what_is_asked_for_is_followed() -> None:
    files = {
        "__init__.py": "from . import layers",
        "layers.py": "from .a import Norm as A\nfrom .b import B, ops\nfrom .c import *",
        "a.py": "from .d import Norm\nfrom .e import other",
        "d.py": "class Norm(nn.Module):\n    def forward(self, x): ...\n",
    }
    read: list[str] = []

    def text_of(path: str) -> str | None:
        read.append(path)
        return files.get(path)

    contents = read_contents(text_of, None, frozenset({"A"}))
    assert contents.layers["A"].place == "d.py:1"
    assert {"a.py", "d.py", "c.py"} <= {*read}
    assert {"b.py", "e.py"}.isdisjoint(read)
    assert read_contents(text_of, None).layers.keys() == contents.layers.keys()
    assert {"b.py", "e.py"} <= {*read}
