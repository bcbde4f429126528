"""What people write by mistake, and the help that each of them must get."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schema.problems import REF, brief, layer, only, refusal

# A reference that is refused, and what is suggested in its place.
REFERENCES = {
    "org/repo:lama-norm": "org/repo:lama_norm",
    "org/repo:Llama RMSNorm": "org/repo:LlamaRMSNorm",
    "org/repo:layers.RMSNorm": "org/repo:RMSNorm",
    "org/repo:layers/RMSNorm": "org/repo:RMSNorm",
    "org/repo:Layer()": "org/repo:Layer",
    "org/repo:'Layer'": "org/repo:Layer",
    '"org/repo:Layer"': "org/repo:Layer",
    "org/repo/Layer": "org/repo:Layer",
    "org:repo/Layer": "org/repo:Layer",
    "org:repo:Layer": "org/repo:Layer",
    "org/repo#Layer": "org/repo:Layer",
    "org/repo.Layer": "org/repo:Layer",
    "org/repo=Layer": "org/repo:Layer",
    "org/repo,Layer": "org/repo:Layer",
    "org/repo::Layer": "org/repo:Layer",
    "org/repo:Layer:": "org/repo:Layer",
    "org//repo:Layer": "org/repo:Layer",
    "org/repo/:Layer": "org/repo:Layer",
    "org\\repo:Layer": "org/repo:Layer",
    "@org/repo:Layer": "org/repo:Layer",
    " org/repo:Layer": "org/repo:Layer",
    "org/repo: Layer": "org/repo:Layer",
    "org/repo\n:Layer": "org/repo:Layer",
    "org/repo@:Layer": "org/repo:Layer",
    "org/repo:Layer@v1": "org/repo@v1:Layer",
    "org/repo:Layer@main": "org/repo@main:Layer",
    "org/repo:v1@Layer": "org/repo@v1:Layer",
    "org/repo@v 1:Layer": "org/repo@v1:Layer",
    "org/repo.git:Layer": "org/repo:Layer",
    "org/my--repo:Layer": "org/my-repo:Layer",
    "https://huggingface.co/org/repo:Layer": "org/repo:Layer",
    "https://huggingface.co/kernels/org/repo:Layer": "org/repo:Layer",
    "https://huggingface.co/org/repo/tree/main:Layer": "org/repo@main:Layer",
    "https://host.example/org/repo:Layer": "org/repo:Layer",
    "huggingface.co/org/repo:Layer": "org/repo:Layer",
    "hf://org/repo:Layer": "org/repo:Layer",
    "./norm:My-Norm": "./norm:My_Norm",
    "./nor\nm:MyNorm": "./norm:MyNorm",
}

# A reference without a layer, and the same with one.
WITHOUT_LAYER = {
    "org/repo": "org/repo:LayerName",
    "org/repo:": "org/repo:LayerName",
    "org/repo/": "org/repo:LayerName",
    "org/repo@v1": "org/repo@v1:LayerName",
    "https://huggingface.co/org/repo": "org/repo:LayerName",
    "https://huggingface.co/org/repo/tree/v2": "org/repo@v2:LayerName",
    "./norm": "./norm:LayerName",
    "./norm:": "./norm:LayerName",
    "~/norm": "~/norm:LayerName",
    "C:/norm": "C:/norm:LayerName",
    "C:\\norm": "C:\\norm:LayerName",
}

ORIGINALS = ("Original", "ORIGINAL", "orignal", "orginal", "none", "None", "off", "default")

DEVICES = {
    "cdua": "cuda",
    "cuad": "cuda",
    "cuda0": "cuda",
    "cuda:0": "cuda",
    "cuda:1": "cuda",
    "cuda ": "cuda",
    "CUDA": "cuda",
    "Cuda": "cuda",
    "gpu": "cuda",
    "GPU": "cuda",
    "nvidia": "cuda",
    "hip": "rocm",
    "HIP": "rocm",
    "hip:0": "rocm",
    "amd": "rocm",
    "ROCm": "rocm",
    "rcom": "rocm",
    "metal": "mps",
    "apple": "mps",
    "mps:0": "mps",
    "CPU": "cpu",
    "cpu:0": "cpu",
    "x86": "cpu",
    "intel": "xpu",
    "xpus": "xpu",
    "ascend": "npu",
    "tpuv4": "tpu",
    "trainium": "neuron",
    "neuronx": "neuron",
}

MODES = {
    "infer": "inference",
    "infrence": "inference",
    "inferece": "inference",
    "Inference": "inference",
    "INFERENCE": "inference",
    "eval": "inference",
    "predict": "inference",
    "train": "training",
    "trainning": "training",
    "trainig": "training",
    "Training": "training",
    "Mode.TRAINING": "training",
    "TRAINING|TORCH_COMPILE": "training_torch_compile",
    "Mode.INFERENCE|TORCH_COMPILE": "inference_torch_compile",
    "inference-torch-compile": "inference_torch_compile",
    "inference_compile": "inference_torch_compile",
    "torch_compile": "inference_torch_compile",
    "compile": "inference_torch_compile",
    "traning_torch_compile": "training_torch_compile",
    "fallbak": "fallback",
    "fall_back": "fallback",
    "any": "fallback",
    "default": "fallback",
}

OPTIONS = {
    "verison": "version",
    "vesion": "version",
    "Version": "version",
    "revison": "revision",
    "rev": "revision",
    "branch": "revision",
    "tag": "revision",
    "commit": "revision",
    "lock": "lockfile",
    "lock_file": "lockfile",
    "lock-file": "lockfile",
    "trust": "trust_remote_code",
    "trust_remote_cod": "trust_remote_code",
    "trust-remote-code": "trust_remote_code",
    "trustRemoteCode": "trust_remote_code",
}

# A key in place of `kernel`.
KERNEL_KEYS = ("kernal", "kernl", "kernels", "Kernel", "repo", "repo_id", "ref", "path")

RANGE_KEYS = {
    "min": "min_capability",
    "max": "max_capability",
    "min_capabilty": "min_capability",
    "min-capability": "min_capability",
    "minCapability": "min_capability",
    "max_capabilities": "max_capability",
    "max_capabilty": "max_capability",
}

TOP_KEYS = {
    "kernel_maping": "kernel_mapping",
    "kernel-mapping": "kernel_mapping",
    "kernelMapping": "kernel_mapping",
    "kernel_mappings": "kernel_mapping",
    "mapping": "kernel_mapping",
    "kernels": "kernel_mapping",
    "layers": "kernel_mapping",
}

SECOND_TOP_KEYS = {
    "inherit": "inherit_mapping",
    "inherit_maping": "inherit_mapping",
    "inherits_mapping": "inherit_mapping",
    "schema": "$schema",
    "$shema": "$schema",
}

# An option or a bound with a value of the wrong kind, and what to write.
VALUES = [
    ("version", "1", "invalid-version", "write 1, without quotes"),
    ("version", "v2", "invalid-version", "write 2, without quotes"),
    ("version", 1.0, "invalid-version", "write 1"),
    ("version", None, "invalid-version", "leave the version out to state none"),
    ("revision", None, "invalid-revision", "leave the revision out to state none"),
    (
        "revision",
        1234567,
        "invalid-revision",
        "put it between quotes, or use `version` for a kernel version",
    ),
    ("lockfile", None, "invalid-lockfile", "leave `lockfile` out to state none"),
    ("trust_remote_code", "yes", "invalid-trust-remote-code", "write true"),
    ("trust_remote_code", "True", "invalid-trust-remote-code", "write true, without quotes"),
    ("trust_remote_code", "no", "invalid-trust-remote-code", "write false"),
    ("trust_remote_code", "org/repo", "invalid-trust-remote-code", 'write a list: ["org/repo"]'),
]
CAPABILITIES = {
    9.0: "capability 9.0 is written 90",
    8.6: "capability 8.6 is written 86",
    "1.2.3": None,
    900.5: None,
    "8.6": "capability 8.6 is written 86",
    "90": "write 90, without quotes",
    100.0: "write 100",
    90.0: "write 90",
    "80.0": "write 80",
    "9": "capability 9.0 is written 90",
    "sm_90": "write 90",
    "SM86": "write 86",
    "sm_90a": "write 90",
    "cuda": None,
}


def assert_help(data: Any, code: str, route: str, expected: str) -> None:
    diagnostic = only(data)
    assert brief(diagnostic) == (code, route)
    assert diagnostic.help == expected


def did_you_mean(word: str) -> str:
    return f"did you mean `{word}`?"


def test_the_tables_are_large() -> None:
    tables = (REFERENCES, WITHOUT_LAYER, ORIGINALS, DEVICES, MODES, OPTIONS, KERNEL_KEYS)
    tables += (RANGE_KEYS, TOP_KEYS, SECOND_TOP_KEYS, VALUES, CAPABILITIES)
    assert sum(map(len, tables)) >= 40


@pytest.mark.parametrize(("written", "meant"), REFERENCES.items())
def test_reference(written: str, meant: str) -> None:
    assert_help(layer(written), "invalid-kernel-reference", "kernel_mapping.L", did_you_mean(meant))
    assert_help(
        layer({"kernel": written}),
        "invalid-kernel-reference",
        "kernel_mapping.L.kernel",
        did_you_mean(meant),
    )


@pytest.mark.parametrize(("written", "with_layer"), WITHOUT_LAYER.items())
def test_reference_without_layer(written: str, with_layer: str) -> None:
    expected = f"add the layer, as in `{with_layer}`"
    assert_help(layer(written), "invalid-kernel-reference", "kernel_mapping.L", expected)


def test_a_path_without_a_dot_in_front() -> None:
    expected = "for a repository on disk write `./my/kernels/norm:MyNorm`"
    written = "my/kernels/norm:MyNorm"
    assert_help(layer(written), "invalid-kernel-reference", "kernel_mapping.L", expected)


@pytest.mark.parametrize("written", ORIGINALS)
@pytest.mark.parametrize("device", [None, "cuda"])
def test_original(written: str, device: str | None) -> None:
    diagnostic = only(layer({device: written} if device else written))
    assert diagnostic.code == "invalid-kernel-reference"
    assert diagnostic.help == "did you mean `original`, which keeps the model's own forward?"


@pytest.mark.parametrize(("written", "meant"), DEVICES.items())
@pytest.mark.parametrize("beside", [{}, {"npu": REF}])
def test_device(written: str, meant: str, beside: dict[str, str]) -> None:
    diagnostic = only(layer({written: REF, **beside}))
    assert diagnostic.code == "unknown-device"
    assert diagnostic.route.steps == ("kernel_mapping", "L", written)
    assert diagnostic.route.at_key
    assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize(("written", "meant"), MODES.items())
@pytest.mark.parametrize("beside", [{}, {"inference": REF}])
def test_mode(written: str, meant: str, beside: dict[str, str]) -> None:
    diagnostic = only(layer({written: REF, **beside}))
    assert diagnostic.code == "unknown-mode"
    assert diagnostic.route.steps == ("kernel_mapping", "L", written)
    assert diagnostic.route.at_key
    assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize(("written", "meant"), MODES.items())
def test_mode_under_a_device_and_in_a_range(written: str, meant: str) -> None:
    for entry, route in (({written: REF}, ()), ([{"min_capability": 90, written: REF}], (0,))):
        diagnostic = only(layer({"rocm": entry}))
        assert diagnostic.code == "unknown-mode"
        assert diagnostic.route.steps == ("kernel_mapping", "L", "rocm", *route, written)
        assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize(("written", "meant"), OPTIONS.items())
def test_option(written: str, meant: str) -> None:
    diagnostic = only(layer({"kernel": REF, written: 1}))
    assert diagnostic.code == "unknown-key"
    assert diagnostic.route.steps == ("kernel_mapping", "L", written)
    assert diagnostic.route.at_key
    assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize("written", KERNEL_KEYS)
def test_kernel_key(written: str) -> None:
    diagnostic = only(layer({written: REF}))
    assert diagnostic.code == "unknown-key"
    assert diagnostic.help == did_you_mean("kernel")


@pytest.mark.parametrize(("written", "meant"), RANGE_KEYS.items())
def test_range_key(written: str, meant: str) -> None:
    diagnostic = only(layer({"cuda": [{"kernel": REF, written: 90}]}))
    assert diagnostic.code == "unknown-key"
    assert diagnostic.route.steps == ("kernel_mapping", "L", "cuda", 0, written)
    assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (90, "min_capability: 90"),
        (9.0, "min_capability: 90"),
        ("<90", "max_capability: 89"),
        ("8.x", "min_capability: 80, max_capability: 89"),
        ([80, 89], "min_capability: 80, max_capability: 89"),
        ({"min": 80, "max": 89}, "min_capability: 80, max_capability: 89"),
        ("hopper", "min_capability: 90, max_capability: 90"),
    ],
)
@pytest.mark.parametrize("written", ["arch", "capability", "compute_capability", "sm"])
def test_capability_as_a_key_of_a_range(written: str, value: Any, meant: str) -> None:
    """Which bounds are meant says the value."""
    diagnostic = only(layer({"cuda": [{"kernel": REF, written: value}]}))
    assert diagnostic.code == "unknown-key"
    assert diagnostic.route.steps == ("kernel_mapping", "L", "cuda", 0, written)
    assert diagnostic.help == f"write `{meant}`"


@pytest.mark.parametrize(("written", "meant"), TOP_KEYS.items())
def test_top_key(written: str, meant: str) -> None:
    # Nor is `kernel_mapping` reported as missing: it is there, misspelt.
    diagnostic = only({written: {"L": REF}})
    assert diagnostic.code == "unknown-key"
    assert diagnostic.route.steps == (written,)
    assert diagnostic.help == did_you_mean(meant)


@pytest.mark.parametrize(("written", "meant"), SECOND_TOP_KEYS.items())
def test_second_top_key(written: str, meant: str) -> None:
    diagnostic = only({"kernel_mapping": {}, written: True})
    assert diagnostic.code == "unknown-key"
    assert diagnostic.help == did_you_mean(meant)


# What stands for a layer in a form of another place, and what to do about it.
FORMS = [
    (None, "to keep the model's own forward write `original`"),
    ([REF], "write the kernel without a list"),
    (
        [REF, {"version": 1}],
        "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`",
    ),
    ([{"kernel": REF}], "write the kernel without a list"),
    ([{"kernel": REF}] * 2, "capability ranges go under a device: `{cuda: [...]}`"),
    (
        [{"min_capability": 90, "kernel": REF}],
        "capability ranges go under a device: `{cuda: [...]}`",
    ),
    ([REF, REF], "write one kernel, without a list"),
    ([{"device": "gpu", "kernel": REF}], "devices are keys: `cuda: {kernel: ...}`"),
    ([{"mode": "train", "kernel": REF}], "modes are keys: `training: {kernel: ...}`"),
    ([{"device": "banana", "kernel": REF}], "devices are keys: write a table of devices"),
    ({"device": "cuda", "kernel": REF}, "write `cuda: {kernel: ...}`"),
    ({"cuda": {"mode": "train", "kernel": REF}}, "write `training: {kernel: ...}`"),
    (
        {"cuda": {"device": "cuda", "kernel": REF}},
        "leave it out: devices stand right under a layer",
    ),
    (False, "to keep the model's own forward write `original`"),
    ("", "to keep the model's own forward write `original`"),
    ("file:///kernels/norm:MyNorm", "a path is written `/kernels/norm:MyNorm`"),
    ("file://localhost/norm:MyNorm", "a path is written `/norm:MyNorm`"),
    ("file:/norm:MyNorm", "a path is written `/norm:MyNorm`"),
    ("file:///C:/norm:MyNorm", "a path is written `C:/norm:MyNorm`"),
    ("$HOME/act:Silu", "variables are not expanded, but `~` is: write `~/act:Silu`"),
    ("${HOME}/act:Silu", "variables are not expanded, but `~` is: write `~/act:Silu`"),
    ("%USERPROFILE%\\act:Silu", "variables are not expanded, but `~` is: write `~\\act:Silu`"),
    ("org/${REPO}:Silu", "variables are not expanded: write out what `${REPO}` stands for"),
    ("{{ org }}/repo:Silu", "variables are not expanded: write out what `{{ org }}` stands for"),
    ({"repo_id": "org/repo", "layer_name": "L"}, "write `kernel: org/repo:L`"),
    ({"cuda": {"repo_id": "o/r", "layer_name": "L", "version": 1}}, "write `kernel: o/r:L`"),
    ({"repo_path": "norm", "func_name": "f"}, "write `kernel: ./norm:f`"),
    ({"kernel": REF, "layer_name": "L"}, "leave it out: `kernel` says it"),
    ({"kernel": REF, "ref": REF}, "leave it out: `kernel` is there already"),
    (
        {"cuda": {"sm_90": REF, "sm80": REF}},
        "write a list: `[{min_capability: 90, kernel: ...}, {min_capability: 80, kernel: ...}]`",
    ),
    ({"cuda": {"9.0": REF}}, "write a list: `[{min_capability: 90, kernel: ...}]`"),
    ({"90": REF}, "write a list under a device: `cuda: [{min_capability: 90, kernel: ...}]`"),
    (
        {"min_capability": 90, "kernel": REF},
        "name the device: `cuda: [{min_capability: 90, kernel: ...}]`",
    ),
    (
        {"cpu": {"min_capability": 90, "kernel": REF}},
        "leave it out: capability ranges are for cuda and rocm only",
    ),
    (
        {"cuda": [REF, {"min_capability": 90, "kernel": REF}]},
        "write it as a table with the key `kernel`",
    ),
    (
        {"cuda": [{"kernel": "original", "version": 1}]},
        "leave the options out that stand beside it",
    ),
    ([{"kernel": REF}, 3], None),
    ({"cuda": None}, "to keep the model's own forward write `original`"),
    ({"cuda": [None]}, "to keep the model's own forward write `kernel: original`"),
    ({"cuda": [REF]}, "write the kernel without a list"),
    (
        {"cuda": [REF, {"version": 1}]},
        "write a kernel with options as `{kernel: org/repo:layer_name, version: 1}`",
    ),
    ({"org/repo": "Layer"}, "did you mean the text `org/repo:Layer`?"),
    ({"kernal": REF, "version": 1}, "did you mean `kernel`?"),
    ({"kernel": REF, "trust_remote_code": [REF]}, "did you mean `org/repo`?"),
    ({"kernel": REF, "trust_remote_code": None}, "leave it out for false"),
    ({"cuda": REF, "training": REF}, "put modes inside the table of a device"),
    ({"cuda": {"rocm": REF}}, "move it up, to stand there"),
    ({"training": {"inference": REF}}, "put modes side by side"),
    ({"training": "original"}, "write `original` in place of the whole entry"),
    ({"version": 1}, "add `kernel: org/repo:layer_name`"),
]


@pytest.mark.parametrize(("entry", "expected"), FORMS)
def test_form(entry: Any, expected: str | None) -> None:
    assert only(layer(entry)).help == expected


@pytest.mark.parametrize(
    ("data", "route", "expected"),
    [
        ({"RMSNorm": REF}, "RMSNorm", "put `RMSNorm` under it"),
        ({"A": REF, "B": {"cuda": REF}}, "A", "put `A` and `B` under it"),
        (dict.fromkeys("ABCDE", REF), "A", "put `A`, `B` and `C` and the others under it"),
        ({"inherit_mapping": True, "A": REF}, "A", "put `A` under it"),
    ],
)
def test_layers_at_the_top(data: Any, route: str, expected: str) -> None:
    assert_help(data, "missing-key", f"{route} (key)", expected)


def test_a_key_of_transformers_that_is_not_needed_here() -> None:
    diagnostic = only({"kernel_mapping": {}, "use_local_kernel": True})
    assert diagnostic.code == "unknown-key"
    assert (diagnostic.help or "").startswith("leave it out: a path that starts with `/`")


@pytest.mark.parametrize(("option", "value", "code", "expected"), VALUES)
def test_value(option: str, value: Any, code: str, expected: str) -> None:
    data = layer({"kernel": REF, option: value})
    assert_help(data, code, f"kernel_mapping.L.{option}", expected)


@pytest.mark.parametrize(("value", "expected"), CAPABILITIES.items())
@pytest.mark.parametrize("bound", ["min_capability", "max_capability"])
def test_capability(bound: str, value: Any, expected: str) -> None:
    data = layer({"cuda": [{bound: value, "kernel": REF}]})
    assert_help(data, "invalid-capability", f"kernel_mapping.L.cuda[0].{bound}", expected)


@pytest.mark.parametrize(("value", "answer"), [("yes", "true"), ("False", "false")])
def test_inherit_mapping(value: str, answer: str) -> None:
    data = {"kernel_mapping": {}, "inherit_mapping": value}
    expected = f"write {answer}" + (", without quotes" if value.lower() == answer else "")
    assert_help(data, "invalid-inherit-mapping", "inherit_mapping", expected)


@pytest.mark.parametrize("name", [" RMSNorm", "RMSNorm ", "\tRMSNorm", "RMSNorm\n"])
def test_layer_name(name: str) -> None:
    diagnostic = only({"kernel_mapping": {name: REF}})
    assert diagnostic.code == "invalid-layer-name"
    assert diagnostic.route.steps == ("kernel_mapping", name)
    assert diagnostic.help == did_you_mean("RMSNorm")


@pytest.mark.parametrize("word", ["banana", "norm", "test"])
def test_no_suggestion_is_better_than_a_wrong_one(word: str) -> None:
    for data in (layer({word: REF}), layer({word: REF, "cuda": REF})):
        assert only(data).help is None


ELSEWHERE = {
    "xla": "write `neuron` or `tpu`, whichever it is",
    "XLA:0": "write `neuron` or `tpu`, whichever it is",
    **dict.fromkeys(
        ("hpu", "HPU", "hpu:0", "gaudi", "musa", "vulkan", "meta"),
        "leave it out: kernels has no such device",
    ),
}


@pytest.mark.parametrize(("word", "expected"), ELSEWHERE.items())
def test_a_device_that_kernels_does_not_have(word: str, expected: str) -> None:
    for data in (layer({word: REF}), layer({word: REF, "cuda": REF})):
        assert only(data).help == expected


LAYERS = {
    "cuda": "layers come first: `RMSNorm: {cuda: ...}`",
    "gpu": "layers come first: `RMSNorm: {cuda: ...}`",
    "inference": "layers come first: `RMSNorm: {inference: ...}`",
}


@pytest.mark.parametrize(("outer", "expected"), LAYERS.items())
def test_layers_below_a_device_or_a_mode(outer: str, expected: str) -> None:
    mapping = {outer: {"RMSNorm": REF, "SiLU": REF}, "Other": REF}
    assert only({"kernel_mapping": mapping}).help == expected


TOPS = [
    (
        {"kernel_config": {"kernel_mapping": {"A": REF}}},
        "move `kernel_mapping` up, and leave `kernel_config` out",
    ),
    (
        {"model": {"config": {"kernel_mapping": {}}}},
        "move `kernel_mapping` up, and leave `model` out",
    ),
    (
        {"kernel_mapping": {}, "use_kernels": True},
        "leave it out: it is an argument of `from_pretra",
    ),
    ({"kernel_mapping": [{"A": REF}, {"B": REF}]}, "write the layers without a list"),
    ({"kernel_mapping": [{"layer": "A", "kernel": REF}]}, "layers are keys: `A: {kernel: ...}`"),
    ({"kernel_mapping": {"kernel_mapping": {"A": REF}}}, "leave one of the two out"),
]


@pytest.mark.parametrize(("data", "expected"), TOPS)
def test_form_of_a_whole_config(data: Any, expected: str) -> None:
    assert (only(data).help or "").startswith(expected)


def test_thousands_of_equal_mistakes_have_the_same_help() -> None:
    data = {"kernel_mapping": {f"L{index}": {"cdua": REF} for index in range(3000)}}
    *found, last = refusal(data).diagnostics
    assert last.code == "too-many-problems"
    assert {diagnostic.help for diagnostic in found} == {"did you mean `cuda`?"}
