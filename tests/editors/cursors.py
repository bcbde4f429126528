"""Where people ask an editor what can stand, and what something means.

`|` marks the place of the cursor.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel_schema.schema.vocabulary import DEVICE_NAMES, MODE_NAMES

_DEVICES, _MODES = set(DEVICE_NAMES), set(MODE_NAMES)
_REFERENCES = {
    "kernels-community/activation:Silu",
    "kernels-community/activation@v1:Silu",
    "./kernels/norm:MyNorm",
}


@dataclass(frozen=True)
class Cursor:
    """A place in a config.

    Args:
        name: A name for it.
        json: The text in each format.
        yaml: The same.
        toml: The same.
        offers: What is offered there, and nothing else, in JSON and YAML; the services for TOML
            may offer more. None where something is hovered over.
        says: What the hover says there.
        in_toml: Whether the services for TOML offer it at all.
    """

    name: str
    json: str
    yaml: str
    toml: str
    offers: frozenset[str] | None = None
    says: str | None = None
    in_toml: bool = True

    def __str__(self) -> str:
        return self.name


def _offer(
    name: str, json: str, yaml: str, toml: str, offers: set[str], *, in_toml: bool = True
) -> Cursor:
    return Cursor(name, json, yaml, toml, frozenset(offers), in_toml=in_toml)


def _in_layer(
    name: str, json: str, yaml: str, toml: str, offers: set[str], *, in_toml: bool = True
) -> Cursor:
    """A place inside a layer; `yaml` is indented by four."""
    return _offer(
        name,
        f'{{"kernel_mapping": {{"Norm": {json}}}}}',
        "kernel_mapping:\n  Norm:" + (f"\n    {yaml}" if yaml[0] != " " else yaml),
        f"[kernel_mapping.Norm]\n{toml}",
        offers,
        in_toml=in_toml,
    )


CURSORS = [
    _offer(
        "keys of the config",
        '{"|"}',
        "|",
        "|",
        {"lockfile", "kernel_mapping", "inherit_mapping"},
    ),
    _offer(
        "inherit_mapping",
        '{"kernel_mapping": {}, "inherit_mapping": |}',
        "kernel_mapping: {}\ninherit_mapping: |",
        "inherit_mapping = |",
        {"true", "false"},
    ),
    _offer(
        "value of a layer",
        '{"kernel_mapping": {"Norm": |}}',
        "kernel_mapping:\n  Norm: |",
        "[kernel_mapping]\nNorm = |",
        {*_REFERENCES, "original"},
        in_toml=False,
    ),
    _in_layer("keys of a layer", '{"|"}', "|", "|", {"kernel", *_DEVICES, *_MODES}),
    _in_layer(
        "beside a device",
        '{"cuda": "org/repo:L", "|"}',
        "cuda: org/repo:L\n    |",
        'cuda = "org/repo:L"\n|',
        _DEVICES - {"cuda"},
    ),
    _in_layer(
        "beside a mode",
        '{"fallback": "org/repo:L", "|"}',
        "fallback: org/repo:L\n    |",
        'fallback = "org/repo:L"\n|',
        _MODES - {"fallback"},
    ),
    _in_layer(
        "beside a kernel",
        '{"kernel": "org/repo:L", "|"}',
        "kernel: org/repo:L\n    |",
        'kernel = "org/repo:L"\n|',
        {"version", "revision", "lockfile", "trust_remote_code"},
    ),
    _in_layer(
        "beside an option",
        '{"version": 1, "|"}',
        "version: 1\n    |",
        "version = 1\n|",
        {"kernel", "revision", "lockfile", "trust_remote_code"},
    ),
    _in_layer(
        "beside a pinned kernel",
        '{"kernel": "org/repo:L", "version": 1, "|"}',
        "kernel: org/repo:L\n    version: 1\n    |",
        'kernel = "org/repo:L"\nversion = 1\n|',
        {"trust_remote_code"},
    ),
    _in_layer(
        "beside a pinned reference",
        '{"kernel": "org/repo@v1:L", "|"}',
        "kernel: org/repo@v1:L\n    |",
        'kernel = "org/repo@v1:L"\n|',
        {"trust_remote_code"},
    ),
    _in_layer(
        "beside a local kernel",
        '{"kernel": "./norm:L", "|"}',
        "kernel: ./norm:L\n    |",
        'kernel = "./norm:L"\n|',
        set(),
    ),
    _in_layer(
        "value of a kernel",
        '{"kernel": |}',
        "kernel: |",
        "kernel = |",
        _REFERENCES,
        in_toml=False,
    ),
    _in_layer(
        "value of trust_remote_code",
        '{"kernel": "org/repo:L", "trust_remote_code": |}',
        "kernel: org/repo:L\n    trust_remote_code: |",
        'kernel = "org/repo:L"\ntrust_remote_code = |',
        {"true", "false", '["org/repo"]'},
        in_toml=False,
    ),
    _in_layer(
        "value of a device",
        '{"cuda": |}',
        "cuda: |",
        "cuda = |",
        {*_REFERENCES, "original"},
        in_toml=False,
    ),
    _in_layer(
        "keys of a device", '{"cuda": {"|"}}', "cuda:\n      |", "cuda.|", {"kernel", *_MODES}
    ),
    _in_layer(
        "beside a mode of a device",
        '{"cuda": {"training": "org/repo:L", "|"}}',
        "cuda:\n      training: org/repo:L\n      |",
        'cuda.training = "org/repo:L"\ncuda.|',
        _MODES - {"training"},
    ),
    _in_layer(
        "keys of a mode",
        '{"training": {"|"}}',
        "training:\n      |",
        "training.|",
        {"kernel"},
    ),
    _in_layer(
        "keys of a range",
        '{"cuda": [{"|"}]}',
        "cuda:\n      - |",
        "[[kernel_mapping.Norm.cuda]]\n|",
        {"min_capability", "max_capability", "kernel", *_MODES},
    ),
    _in_layer(
        "beside a bound",
        '{"cuda": [{"min_capability": 90, "|"}]}',
        "cuda:\n      - min_capability: 90\n        |",
        "[[kernel_mapping.Norm.cuda]]\nmin_capability = 90\n|",
        {"max_capability", "kernel", *_MODES},
    ),
    _in_layer(
        "beside the kernel of a range",
        '{"cuda": [{"min_capability": 90, "kernel": "org/repo:L", "|"}]}',
        "cuda:\n      - min_capability: 90\n        kernel: org/repo:L\n        |",
        '[[kernel_mapping.Norm.cuda]]\nmin_capability = 90\nkernel = "org/repo:L"\n|',
        {"max_capability", "version", "revision", "lockfile", "trust_remote_code"},
    ),
    _in_layer(
        "beside original in a range",
        '{"cuda": [{"min_capability": 90, "kernel": "original", "|"}]}',
        "cuda:\n      - min_capability: 90\n        kernel: original\n        |",
        '[[kernel_mapping.Norm.cuda]]\nmin_capability = 90\nkernel = "original"\n|',
        {"max_capability"},
    ),
]


def _hover(name: str, json: str, yaml: str, toml: str, says: str) -> Cursor:
    return Cursor(name, json, yaml, toml, says=says)


def _over(path: tuple[str, ...], value: str, says: str) -> Cursor:
    """The cursor stands inside the last key of a path."""
    *above, key = path
    marked = f"{key[:2]}|{key[2:]}"
    opened = "".join(f'{{"{step}": ' for step in above)
    nested = "".join(f"{'  ' * depth}{step}:\n" for depth, step in enumerate(above))
    header = f"[{'.'.join(above)}]\n" if above else ""
    return _hover(
        f"over {'.'.join(path)}",
        f'{opened}{{"{marked}": {value}}}{"}" * len(above)}',
        f"{nested}{'  ' * len(above)}{marked}: {value}",
        f"{header}{marked} = {value}",
        says,
    )


_LAYER = ("kernel_mapping", "Norm")
CURSORS += [
    _over(("inherit_mapping",), "true", "keep the kernels of the mapping that is active"),
    _over(("lockfile",), '"k.lock"', "pins every kernel of this file"),
    _over(_LAYER, '"org/repo:L"', "`original` to keep the model's own forward"),
    _over((*_LAYER, "kernel"), '"org/repo:L"', "a layer of a kernel repository on the Hub"),
    _over((*_LAYER, "version"), "1", "version 1 is meant"),
    _over((*_LAYER, "trust_remote_code"), "true", "that the Hub does not vouch for"),
    _over((*_LAYER, "cuda"), '"org/repo:L"', "NVIDIA GPUs"),
    _over((*_LAYER, "rocm"), '"org/repo:L"', "AMD GPUs"),
    _over((*_LAYER, "fallback"), '"org/repo:L"', "Any mode that is not named"),
    _over((*_LAYER, "cuda", "fallback"), '"org/repo:L"', "Any mode that is not named"),
]

# What the schema of one model says of its layers.
LAYERS = {
    "RMSNorm": "65 modules of class LlamaRMSNorm in this model.",
    "SiLU": "32 modules of class SiLUActivation in this model.",
}
IN_ONE_MODEL = [
    _offer(
        "layers",
        '{"kernel_mapping": {"|"}}',
        "kernel_mapping:\n  |",
        "[kernel_mapping]\n|",
        set(LAYERS),
    ),
    _offer(
        "devices of a layer",
        '{"kernel_mapping": {"SiLU": {"cuda": "org/repo:L", "|"}}}',
        "kernel_mapping:\n  SiLU:\n    cuda: org/repo:L\n    |",
        '[kernel_mapping.SiLU]\ncuda = "org/repo:L"\n|',
        _DEVICES - {"cuda"},
    ),
    _over(("kernel_mapping", "RMSNorm"), '"org/repo:L"', LAYERS["RMSNorm"]),
    _over(("kernel_mapping", "SiLU"), '"org/repo:L"', LAYERS["SiLU"]),
    _over(("kernel_mapping", "RMSNorn"), '"org/repo:L"', ""),
]
