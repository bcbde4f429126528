"""What goes wrong with `transformers.KernelConfig`, and what happens here: both sides are run.

Each row says what a user does; its two functions do it and tell what came of it, in a few words.
`tests/README.md` shows them as a table, which `python -m tests.integrations.defects` writes anew.

transformers takes no CPU, and no machine of ours need have a GPU: where a device matters, a
parameter is torch's stand-in for one on `cuda`, and where a kernel has to run, the mapping is what
transformers leaves on a GPU, with `cpu` for its device.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import accelerate
import kernels
import torch
import transformers
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import kernel_schema as ks
from tests.integrations.conftest import SIZES
from tests.kernel_repos import write_kernel_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LAYERS = """\
from torch import nn

CALLS = []


class RMSNorm(nn.Module):
    can_torch_compile = False

    def forward(self, hidden_states):
        CALLS.append(1)
        return nn.functional.rms_norm(
            hidden_states, (hidden_states.shape[-1],), self.weight, self.variance_epsilon
        )
"""
REF = "kernels-community/layer_norm:LlamaRMSNorm"


class Norm(nn.Module):
    """A layer that is registered as those of transformers are."""

    kernel_layer_name = "RMSNorm"


class Bench:
    """What both sides work on: a model saved to disk, and a kernel repository for the CPU."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = write_kernel_repository(folder / "llama", _LAYERS)
        self.local = f"{self.repository}:RMSNorm"
        self.saved = folder / "model"
        config = transformers.LlamaConfig(**SIZES)
        transformers.LlamaForCausalLM(config).save_pretrained(self.saved)

    def llama(self, **options: Any) -> Any:
        """The model, loaded anew."""
        return transformers.LlamaForCausalLM.from_pretrained(self.saved, **options).eval()

    def calls(self, model: Any) -> int:
        """How often the kernel runs in a forward pass of the model."""
        before = _all_calls()
        with torch.no_grad():
            model(torch.ones(1, 3, dtype=torch.long))
        return _all_calls() - before

    def as_on_a_gpu(self, path: Path | None = None) -> Any:
        """A config as transformers leaves it on a GPU after `create_compatible_mapping`."""
        repository = kernels.LocalLayerRepository(
            repo_path=self.repository if path is None else path, layer_name="RMSNorm"
        )
        config = transformers.KernelConfig({})
        config.kernel_mapping = {"RMSNorm": {"cpu": {kernels.Mode.INFERENCE: repository}}}
        return config


def _all_calls() -> int:
    """How often kernels of ours have run in this process."""
    counts = [vars(each).get("CALLS") for each in [*sys.modules.values()] if each is not None]
    return sum(len(count) for count in counts if isinstance(count, list))


def on_cuda() -> nn.Module:
    """A model with a registered layer, that says it is on a GPU."""
    model = nn.Sequential(Norm(), Norm())
    with FakeTensorMode():
        model.anchor = nn.Parameter(torch.empty(1, device="cuda"))
    return model.eval()


@dataclass(frozen=True)
class Defect:
    """What a user does, and what each side makes of it."""

    what: str
    transformers: Callable[[Bench], str]
    ours: Callable[[Bench], str]


def outcome(call: Callable[[], Any]) -> str:
    """`accepted`, or the class of the error; of ours the codes."""
    try:
        call()
    except ks.KernelSchemaError as error:
        return f"refused: {', '.join(f'`{code}`' for code in _codes(error))}"
    except Exception as error:  # noqa: BLE001 (of whatever kind it is)
        return f"{type(error).__name__}"
    return "accepted"


def _codes(error: ks.KernelSchemaError) -> list[str]:
    return list(dict.fromkeys(diagnostic.code for diagnostic in error.diagnostics))


def _transformers_lowers(entry: Any) -> Callable[[Bench], str]:
    def lower() -> None:
        model = on_cuda()
        config = transformers.KernelConfig({"RMSNorm": entry})
        config.sanitize_kernel_mapping(model)
        config.create_compatible_mapping(model)
        if not config.kernel_mapping:
            raise _IgnoredError

    return lambda _: outcome(lower).replace("_IgnoredError", "taken, and nothing comes of it")


class _IgnoredError(Exception):
    """What was stated is not in the mapping."""


def _we_lower(entry: Any) -> Callable[[Bench], str]:
    return lambda _: outcome(lambda: ks.lower(ks.loads(_file(entry), format="json"), on_cuda()))


def _file(entry: Any) -> str:
    """A file with the entry: a tuple is a list there."""
    return json.dumps({"kernel_mapping": {"RMSNorm": entry}})


def _row(what: str, entry: Any) -> Defect:
    return Defect(what, _transformers_lowers(entry), _we_lower(entry))


def _texts() -> Iterator[Defect]:
    for text in (
        *("a:b/c", "/:", "org/repo:", "org/repo:a:b", "a/b/c:d", "org /repo:L"),
        "https://host/org/repo:L",
    ):
        yield _row(f"`{text}` as a kernel", text)
    yield Defect(
        "`version: true`",
        _transformers_lowers(("org/repo:L", {"version": True})),
        _we_lower({"kernel": "org/repo:L", "version": True}),
    )
    yield Defect(
        "`version: -3`",
        _transformers_lowers(("org/repo:L", {"version": -3})),
        _we_lower({"kernel": "org/repo:L", "version": -3}),
    )
    yield Defect(
        "`version: 1.0`",
        _transformers_lowers(("org/repo:L", {"version": 1.0})),
        _we_lower({"kernel": "org/repo:L", "version": 1.0}),
    )
    yield Defect(
        "a misspelt option beside a right one",
        _transformers_lowers(("org/repo:L", {"version": 1, "trust_remote": True})),
        _we_lower({"kernel": "org/repo:L", "version": 1, "trust_remote": True}),
    )


def _forms() -> Iterator[Defect]:
    yield Defect(
        "a folder of Windows, `C:/k/norm:RMS`",
        _transformers_reads("C:/k/norm:RMS"),
        lambda _: f"a {type(ks.parse_kernel_ref('C:/k/norm:RMS')).__name__}",
    )
    yield _row("a kernel for `cpu` and one for `cuda`", {"cpu": REF, "cuda": REF})
    yield Defect(
        "kernels for two devices, to `from_pretrained`",
        lambda bench: outcome(
            lambda: bench.llama(
                use_kernels=True,
                kernel_config=transformers.KernelConfig({"RMSNorm": {"cuda": REF, "rocm": REF}}),
            )
        ),
        lambda bench: outcome(
            lambda: bench.llama(
                use_kernels=True,
                kernel_config=ks.as_transformers({"RMSNorm": {"cuda": REF, "rocm": REF}}),
            )
        ),
    )
    yield _row(
        "a range of capability", {"cuda": [{"min_capability": 90, "kernel": "org/hopper:Norm"}]}
    )
    yield _row("a kernel for training alone", {"training": REF})
    yield Defect(
        "a list of publishers to trust",
        _transformers_lowers((REF, {"version": 1, "trust_remote_code": ["org/repo"]})),
        _we_lower({"kernel": REF, "trust_remote_code": ["org/repo"]}),
    )


def _transformers_reads(text: str) -> Callable[[Bench], str]:
    def read(_: Bench) -> str:
        config, model = transformers.KernelConfig({"RMSNorm": text}), on_cuda()
        config.sanitize_kernel_mapping(model)
        config.create_compatible_mapping(model)
        repository = config.kernel_mapping["RMSNorm"]["cuda"][kernels.Mode.INFERENCE]
        return f"the repository `{repository._repo_id}` on the Hub"

    return read


def _uses() -> Iterator[Defect]:
    yield Defect("one object for two models", _transformers_twice, _we_twice)
    yield Defect("a config is saved after its use", _transformers_saved, _we_save)
    yield Defect("two layer names are misspelt", _transformers_names, _we_name)
    yield Defect("a model refuses a config", _transformers_keeps, _we_keep)
    yield Defect("a layer name is misspelt: has code of a kernel run?", _transformers_ran, _we_ran)
    yield Defect("calls of the kernel: eval, then `.train()`", _transformers_trains, _we_train)
    yield Defect(
        "calls of a kernel without `can_torch_compile` where the model will be compiled",
        _transformers_compiles,
        _we_compile,
    )
    yield Defect("an offloaded model, `.train()`", _transformers_offloads, _we_offload)
    yield Defect("the folder of a kernel is not there", _transformers_missing, _we_miss)
    yield Defect('`"RMSNorm": ""`, documented as "no kernel"', _transformers_empty, _we_empty)
    yield Defect(
        "a fusion that fails, then a model without one",
        _fuses("lambda fused: transformers.KernelConfig(fused, use_local_kernel=True)"),
        _fuses("ks.as_transformers"),
    )


def _transformers_twice(_: Bench) -> str:
    config = transformers.KernelConfig({"RMSNorm": REF})

    def use() -> None:
        model = on_cuda()
        config.sanitize_kernel_mapping(model)
        config.create_compatible_mapping(model)

    use()
    return outcome(use)


def _we_twice(bench: Bench) -> str:
    config = ks.as_transformers({"RMSNorm": bench.local})
    models = [bench.llama(use_kernels=True, kernel_config=config) for _ in range(2)]
    counts = {bench.calls(model) for model in models}
    return f"accepted, {counts.pop()} calls each" if len(counts) == 1 else "different"


def _transformers_saved(_: Bench) -> str:
    config = transformers.KernelConfig({"RMSNorm": REF})
    model = on_cuda()
    config.sanitize_kernel_mapping(model)
    config.create_compatible_mapping(model)
    return outcome(lambda: json.dumps(config.kernel_mapping))


def _we_save(bench: Bench) -> str:
    config = ks.as_transformers({"RMSNorm": bench.local})
    model = bench.llama(use_kernels=True, kernel_config=config)
    model.eval()
    return outcome(lambda: json.dumps(config))


_MISSPELT = {"RMSNrom": REF, "Silu": REF}


def _transformers_names(bench: Bench) -> str:
    try:
        transformers.KernelConfig(_MISSPELT).sanitize_kernel_mapping(bench.llama())
    except ValueError as error:
        return f"{sum(name in str(error) for name in _MISSPELT)} told, no suggestion"
    return "accepted"


def _we_name(bench: Bench) -> str:
    wrong = ks.check(_MISSPELT, bench.llama(), select=["unregistered-layer"])
    suggested = sum("did you mean" in str(each.help) for each in wrong)
    return f"{len(wrong)} told, {suggested} with a suggestion"


def _kept(model: Any, config: Any) -> str:
    try:
        model.set_use_kernels(use_kernels=True, kernel_config=config)
    except ValueError:
        return "it stays on the model" if model.kernel_config is not None else "the model has none"
    return "accepted"


def _transformers_keeps(bench: Bench) -> str:
    return _kept(bench.llama(), transformers.KernelConfig(_MISSPELT))


def _we_keep(bench: Bench) -> str:
    return _kept(bench.llama(), ks.as_transformers(_MISSPELT))


_MARK = "\nfrom pathlib import Path\nPath(__file__).with_name('ran').touch()\n"


def _ran(bench: Bench, name: str, wrap: Callable[[str], Any]) -> str:
    repository = write_kernel_repository(bench.folder / name, _LAYERS + _MARK)
    try:
        bench.llama(use_kernels=True, kernel_config=wrap(f"{repository}:RMSNorm"))
    except ValueError:
        return "yes" if [*repository.rglob("ran")] else "no"
    return "accepted"


def _transformers_ran(bench: Bench) -> str:
    return _ran(
        bench,
        "theirs",
        lambda local: transformers.KernelConfig({"RMSNrom": local}, use_local_kernel=True),
    )


def _we_ran(bench: Bench) -> str:
    return _ran(bench, "ours", lambda local: ks.as_transformers({"RMSNrom": local}))


def _trained(bench: Bench, model: Any) -> str:
    evaluated = bench.calls(model)
    return f"{evaluated}, then {bench.calls(model.train())}"


def _transformers_trains(bench: Bench) -> str:
    model = bench.llama()
    model.kernel_config = bench.as_on_a_gpu()
    model.use_kernels = True
    return _trained(bench, model)


def _we_train(bench: Bench) -> str:
    config = ks.as_transformers({"RMSNorm": bench.local})
    return _trained(bench, bench.llama(use_kernels=True, kernel_config=config))


def _transformers_compiles(bench: Bench) -> str:
    model = bench.llama()
    model.kernel_config = bench.as_on_a_gpu()
    model.use_kernels = True
    return f"{bench.calls(torch.compile(model, backend='eager'))}"


def _we_compile(bench: Bench) -> str:
    config = ks.as_transformers({"RMSNorm": bench.local}, compiled=True)
    return outcome(lambda: bench.llama(use_kernels=True, kernel_config=config))


def _offloaded(bench: Bench, config: Any) -> str:
    model: Any = accelerate.cpu_offload(bench.llama().train(), execution_device=torch.device("cpu"))
    before = model(torch.ones(1, 3, dtype=torch.long)).logits
    said = ""
    try:
        if isinstance(config, dict):  # ours
            model.set_use_kernels(use_kernels=True, kernel_config=config)
        else:
            model.kernel_config = config
            model.use_kernels = True
        model.eval()
    except ks.KernelSchemaError as error:
        said = f"refused: `{_codes(error)[0]}`, "
    try:
        after = model(torch.ones(1, 3, dtype=torch.long)).logits
    except Exception as error:  # noqa: BLE001 (of whatever kind it is)
        return f"{said}the model is broken: {type(error).__name__}"
    return f"{said}the model runs{'' if torch.allclose(before, after) else ', and differs'}"


def _transformers_offloads(bench: Bench) -> str:
    return _offloaded(bench, bench.as_on_a_gpu())


def _we_offload(bench: Bench) -> str:
    return _offloaded(bench, ks.as_transformers({"RMSNorm": bench.local}))


def _transformers_missing(bench: Bench) -> str:
    model = bench.llama()
    model.kernel_config = bench.as_on_a_gpu(bench.folder / "nowhere")
    model.use_kernels = True
    return f"{bench.calls(model)} calls of it, and no error"


def _we_miss(bench: Bench) -> str:
    config = ks.as_transformers({"RMSNorm": f"{bench.folder / 'nowhere'}:RMSNorm"})
    return outcome(lambda: bench.llama(use_kernels=True, kernel_config=config))


def _transformers_empty(bench: Bench) -> str:
    return _transformers_lowers("")(bench)


def _we_empty(bench: Bench) -> str:
    from kernel_schema.integrations.transformers import KernelConfig

    config = KernelConfig({"RMSNorm": ""})
    model = bench.llama(use_kernels=True, kernel_config=config)
    return f"accepted: {config.config.kernel_mapping['RMSNorm']}, {bench.calls(model)} calls"


_FUSED = """\
from torch import nn


class Fused(nn.Module):
    def forward(self, hidden_states):
        return hidden_states


class FusedLayout(nn.Module):
    def __init__(self, *parts):
        super().__init__()
"""
_FUSION = """\
import sys
import torch
import transformers
import kernel_schema as ks

saved, kernel, wrap = sys.argv[1:]
parts = ("RMSNorm", "model.layers.*.post_attention_layernorm"), ("MLP", "model.layers.*.mlp")
load = transformers.LlamaForCausalLM.from_pretrained
try:
    load(saved, use_kernels=True, kernel_config=eval(wrap)({parts: kernel}))
except Exception as error:
    codes = [each.code for each in getattr(error, "diagnostics", ())]
    said = f"refused: `{codes[0]}`" if codes else "it fails"
else:
    said = "accepted"
try:
    load(saved)(torch.ones(1, 3, dtype=torch.long))
except Exception as error:
    print(f"{said}, and so does the other: {type(error).__name__}")
else:
    print(f"{said}, the other runs")
"""


def _fuses(wrap: str) -> Callable[[Bench], str]:
    def fuse(bench: Bench) -> str:
        kernel = bench.folder / "fused"
        if not kernel.exists():
            write_kernel_repository(kernel, _FUSED)
        command = [sys.executable, "-c", _FUSION, str(bench.saved), f"{kernel}:Fused", wrap]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        return done.stdout.strip() or done.stderr[-300:]

    return fuse


DEFECTS = (*_texts(), *_forms(), *_uses())


PAGE = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- defects: begin -->", "<!-- defects: end -->"


def rows(folder: Path) -> list[str]:
    """All rows, run, as those of a table of Markdown."""
    bench = Bench(folder)
    return [
        f"| {defect.what} | {defect.transformers(bench)} | {defect.ours(bench)} |"
        for defect in DEFECTS
    ]


def shown() -> list[str]:
    """The rows that the page shows."""
    text = PAGE.read_text(encoding="utf-8")
    return text.split(BEGIN)[1].split(END)[0].strip().splitlines()[2:]


def main() -> None:
    """Write the table anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    version = f"`transformers.KernelConfig` {transformers.__version__}"
    heading = [f"| What one does | {version} | kernel_schema |", "| --- | --- | --- |"]
    with TemporaryDirectory() as folder:
        table = "\n".join([*heading, *rows(Path(folder))])
    text = f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}"
    PAGE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
