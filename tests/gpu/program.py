"""What is tried on a GPU, part by part; each notes figures, with what they have to be."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import kernel_schema as ks
from kernel_schema.cli.main import main as kernel_schema_command
from tests.gpu import models

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parent / "kernels"
LAYERS = {"RMSNorm": "RMSNorm", "SiluAndMul": "SiluAndMul", "rotary_pos_emb": "Rotary"}
BUILDERS = {"Llama": models.llama, "mixture": models.mixture}


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured or held: `limit` says what it has to be, if anything."""

    part: str
    name: str
    value: str
    limit: str
    ok: bool


@dataclass(slots=True)
class Figures:
    """What was found, and on what."""

    found: list[Figure] = field(default_factory=list)
    part: str = ""

    def run(self, part: Callable[[Figures, Path], None], folder: Path) -> None:
        """Run a part; one that raises is a figure too, and keeps no other from running."""
        self.part = part.__name__
        sys.stderr.write(f"{self.part} ...\n")
        try:
            part(self, folder)
        except Exception:  # noqa: BLE001 (told, with where it happened)
            traceback.print_exc()
            self.note("runs to its end", "no", "yes", ok=False)
        gc.collect()
        torch.cuda.empty_cache()

    def note(self, name: str, value: object, limit: str = "", *, ok: bool = True) -> None:
        """Keep a figure."""
        self.found.append(Figure(self.part, name, str(value), limit, ok))
        sys.stderr.write(f"  {'' if ok else 'NOT AS IT SHOULD BE: '}{name}: {value} {limit}\n")

    @property
    def ok(self) -> bool:
        return bool(self.found) and all(each.ok for each in self.found)

    def table(self) -> str:
        rows = [("part", "figure", "value", "has to be", "")]
        rows += [
            (each.part, each.name, each.value, each.limit, "" if each.ok else "NO")
            for each in self.found
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([machine(), "", *lines, ""])

    def as_json(self) -> dict[str, Any]:
        return {"machine": machine(), "ok": self.ok, "figures": [asdict(e) for e in self.found]}


def machine() -> str:
    major, minor = torch.cuda.get_device_capability()
    return (
        f"{torch.cuda.get_device_name()}, capability {major}{minor}, torch {torch.__version__}, "
        f"CUDA {torch.version.cuda}"
    )


def config_of(**layers: str) -> ks.KernelConfig:
    return ks.KernelConfig({name: kernel(cls) for name, cls in {**LAYERS, **layers}.items()})


def kernel(layer_class: str) -> str:
    return str(ks.LocalRef(REPOSITORY, layer_class))


def seconds(run: Callable[[], object]) -> float:
    do_bench: Any = import_module("triton.testing").do_bench
    return float(do_bench(run, warmup=50, rep=200, return_mode="median")) / 1e3


def errors(comparison: ks.Comparison) -> list[str]:
    return [str(each) for each in comparison.diagnostics if each.severity is ks.Severity.ERROR]


def norm(figures: Figures, folder: Path) -> None:
    """The Triton RMSNorm against a copy of the same bytes, and against the eager layer."""
    layer = models.Norm(models.HIDDEN).to("cuda", torch.bfloat16).eval()
    x = torch.randn(8192, models.HIDDEN, device="cuda", dtype=torch.bfloat16)
    out = torch.empty_like(x)
    with torch.inference_mode():
        copied, eager = seconds(lambda: out.copy_(x)), seconds(lambda: layer(x))
        with ks.kernelized(layer, {"RMSNorm": kernel("RMSNorm")}):
            triton = seconds(lambda: layer(x))
    for name, value in (("copy", copied), ("eager", eager), ("kernel", triton)):
        figures.note(f"{name}, 8192 x 4096 bfloat16", f"{value * 1e6:.1f} us")
    figures.note(
        "kernel to copy", f"{triton / copied:.3f}", "at most 1.1", ok=triton / copied <= 1.1
    )
    figures.note("eager to kernel", f"{eager / triton:.2f}", "10 or more", ok=eager / triton >= 10)


def timing(figures: Figures, folder: Path) -> None:
    """What `compare` tells of a layer, against the same layer timed alone by triton."""
    config = ks.KernelConfig({"RMSNorm": kernel("RMSNorm")})
    for size in (models.HIDDEN, 1024):
        time_layer(figures, config, size)


def time_layer(figures: Figures, config: ks.KernelConfig, size: int) -> None:
    layer = models.Norm(size).to("cuda", torch.bfloat16).eval()
    x = torch.randn(8192, size, device="cuda", dtype=torch.bfloat16)
    before = alone_times(layer, config, x)
    (row,) = ks.compare(layer, config, x).layers
    assert row.times is not None
    after = alone_times(layer, config, x)
    # How fast memory is depends on which of it the allocator gives: the same kernel was told to
    # take 39.1 and 47.5 us by do_bench in two places of one run. The better one is the layer's.
    alone = {name: min(before[name], after[name]) for name in before}
    for name, value in alone.items():
        told = getattr(row.times, name).median
        figures.note(
            f"{name}, 8192 x {size}: compare to do_bench",
            f"{told / value:.3f} ({told * 1e6:.1f} us, {value * 1e6:.1f} us)",
            "0.9 to 1.1",
            ok=0.9 <= told / value <= 1.1,
        )


def alone_times(layer: Any, config: ks.KernelConfig, x: torch.Tensor) -> dict[str, float]:
    """Original and kernel by themselves, with no memory left over from what ran before."""
    gc.collect()
    torch.cuda.empty_cache()
    with torch.no_grad():
        original = seconds(lambda: layer(x))
        with ks.kernelized(layer, config):
            return {"original": original, "kernel": seconds(lambda: layer(x))}


def inference(figures: Figures, folder: Path) -> None:
    """Plan and audit agree, and compare finds nothing wrong, in whole models."""
    config = config_of()
    for name, build in BUILDERS.items():
        model, ids = build(), models.ids()
        plan = ks.explain(config, model)
        with torch.inference_mode():
            before = model(ids)
            with ks.kernelized(model, config) as report:
                told = ks.disagreements(plan, ks.audit(model, plan))
                kernels = model(ids)
            after = model(ids)
        figures.note(
            f"{name}: replaced as planned",
            f"{report.replaced} of {report.total}, {len(told)} disagreements",
            "all, none",
            ok=report.replaced == report.total > 0 and not told,
        )
        same = torch.equal(before, after)
        figures.note(f"{name}: restored bit for bit", same, "True", ok=same)
        distance = float((kernels.float() - before.float()).norm() / before.float().norm())
        figures.note(f"{name}: outputs differ by", f"{distance:.1e}", "", ok=distance < 0.1)
        show(figures, name, ks.compare(model, config, ids))
        del model, before, kernels, after


def show(figures: Figures, name: str, comparison: ks.Comparison) -> None:
    """The figures of a comparison in which nothing is wrong."""
    sys.stderr.write(f"{comparison}\n")
    wrong = errors(comparison)
    figures.note(f"{name}: compare finds", f"{len(wrong)} errors", "0", ok=not wrong)
    for layer in comparison.layers:
        if layer.times is None:
            continue
        worst = max(layer.differences, key=lambda each: each.largest_relative)
        memory = f"{layer.original_memory} and {layer.kernel_memory} bytes"
        figures.note(
            f"{name}: {layer.layer_name} {list(layer.shape)}",
            f"{layer.times.original.median * 1e6:.1f} -> {layer.times.kernel.median * 1e6:.1f} us, "
            f"error {worst.largest_relative:.1e} of {worst.tolerance:.1e} ({worst.what}), "
            f"share {layer.share or 0:.0%}, {memory}",
        )
    whole = comparison.model
    if whole is not None and whole.times is not None:
        figures.note(
            f"{name}: whole forward",
            f"{whole.times.original.median * 1e3:.2f} -> {whole.times.kernel.median * 1e3:.2f} ms",
        )


def training(figures: Figures, folder: Path) -> None:
    """Gradients of every layer, and a step of the whole model."""
    config = config_of()
    for name, build in BUILDERS.items():
        model, ids = build().train(), models.ids()[:1]
        comparison = ks.compare(model, config, ids, backward=True)
        show(figures, f"{name}, backward", comparison)
        norms = []
        for kernels in (False, True):
            with ks.kernelized(model, config) if kernels else contextlib.nullcontext():
                model(ids).float().pow(2).mean().backward()
            norms.append(
                float(sum(each.grad.float().pow(2).sum() for each in model.parameters())) ** 0.5
            )
            model.zero_grad()
        ratio = norms[1] / norms[0]
        figures.note(
            f"{name}: norm of all gradients, to the originals'",
            f"{ratio:.4f}",
            "0.98 to 1.02",
            ok=0.98 <= ratio <= 1.02,
        )
        del model, comparison


def compiled(figures: Figures, folder: Path) -> None:
    """Under torch.compile: kernels are chosen for it, run, and agree."""
    config = config_of()
    model, ids = models.llama(), models.ids()
    with torch.inference_mode():
        eager = model(ids)
    fast: Any = torch.compile(model)
    comparison = ks.compare(fast, config, ids)
    figures.note("mode", comparison.mode, "", ok=comparison.mode == "inference_torch_compile")
    show(figures, "compiled", comparison)
    with ks.kernelized(fast, config), torch.inference_mode():
        distance = float((fast(ids).float() - eager.float()).norm() / eager.float().norm())
        again = seconds(lambda: fast(ids))
    figures.note("outputs differ by", f"{distance:.1e}", "", ok=distance < 0.1)
    figures.note("whole forward with kernels", f"{again * 1e3:.2f} ms")


def planted(figures: Figures, folder: Path) -> None:
    """A kernel that is wrong by a tenth is named, by compare and by bisect."""
    config = config_of(RMSNorm="RMSNormOffByATenth")
    model, ids = models.llama(), models.ids()
    comparison = ks.compare(model, config, ids, seconds=0)
    named = {
        each.route.steps[-1]
        for each in comparison.diagnostics
        if each.code == "kernel-beyond-tolerance"
    }
    figures.note("compare names", named, "{'RMSNorm'}", ok=named == {"RMSNorm"})
    bisect: Any = getattr(ks, "bisect", None)
    if bisect is None:
        figures.note("bisect names", "nothing: there is no bisect", "")
        return
    with torch.inference_mode():
        expected = model(ids)

        def is_good(kernelized: Any) -> bool:
            with torch.inference_mode():
                distance = (kernelized(ids) - expected).float().norm() / expected.float().norm()
            return bool(distance < 0.05)

        found = bisect(model, config, is_good)
    figures.note("bisect names", found, "RMSNorm", ok="RMSNorm" in str(found))


def commands(figures: Figures, folder: Path) -> None:
    """The commands, as a user calls them: compare with JSON and a plot, tune."""
    text = "".join(f"  {name}: {REPOSITORY}:{cls}\n" for name, cls in LAYERS.items())
    (folder / "kernels.yaml").write_text(f"kernel_mapping:\n{text}", encoding="utf-8")
    base = ["--model", "tests.gpu.models:llama", "--inputs", "tests.gpu.models:ids"]
    code, out = call(folder, "compare", "kernels.yaml", *base, "--output-format", "json")
    names = {layer["layer_name"] for layer in json.loads(out)["layers"]} if code < 2 else set()
    figures.note(
        "compare: exit, layers", (code, sorted(names)), "0", ok=(code, names) == (0, {*LAYERS})
    )
    wrong = f"RMSNorm={REPOSITORY}:RMSNormOffByATenth"
    code, out = call(
        folder, "tune", "kernels.yaml", *base, "--candidate", wrong, "-o", "tuned.yaml"
    )
    sys.stderr.write(out)
    figures.note("tune: exit", code, "0", ok=code == 0)
    tuned = (folder / "tuned.yaml").read_text(encoding="utf-8") if code == 0 else ""
    sys.stderr.write(tuned)
    right = "RMSNormOffByATenth" not in ks.dumps(ks.load(folder / "tuned.yaml"), format="json")
    figures.note("tune: refuses the wrong one", right, "True", ok=right)
    model = models.llama()
    report = ks.kernelize(model, ks.read(folder / "tuned.yaml"))
    figures.note("tune: what it writes runs", f"{report.replaced} of {report.total}")


def call(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command in a folder; its output."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = kernel_schema_command(arguments)
    finally:
        os.chdir(before)
    return code, out.getvalue()


PARTS = (norm, timing, inference, training, compiled, planted, commands)
