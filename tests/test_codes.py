"""The catalogue of codes: complete, in plain words, and with examples that do what they say."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest

import kernel_schema as ks
from kernel_schema import codes
from kernel_schema.choice.plan import disagreements
from kernel_schema.cli.main import main
from kernel_schema.codes import Meaning, catalogue
from kernel_schema.diagnostics import Severity
from tests.kernel_repos import KernelLayer, write_kernel_repository
from tests.update_readme import BEGIN, END, README, ROOT, heart, render_table, updated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

CODES = catalogue()

ALL_FORMATS = get_args(get_type_hints(Meaning)["format"])


def of_stage(*stages: str, formats: Collection[str] = ALL_FORMATS) -> pytest.MarkDecorator:
    """Parametrise a test with the codes of some stages."""
    found = [one for one in CODES.values() if one.stage in stages and one.format in formats]
    assert found
    return pytest.mark.parametrize("code", found, ids=lambda one: one.name)


KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


def test_type_checkers_know_the_codes_of_the_catalogue() -> None:
    """So the package reports no other; that each is reported is shown by its example below."""
    assert list(get_args(codes.Code)) == list(CODES)


# In plain words.

JARGON = re.compile(
    r"anyof|oneof|\bunions?\b|discriminat|model_type|pydantic|validator|string_pattern|input should"
    r"|TODO|FIXME",
    re.IGNORECASE,
)


@pytest.mark.parametrize("code", CODES.values(), ids=lambda one: one.name)
class TestWords:
    def test_are_all_there(self, code: Meaning) -> None:
        hints = get_type_hints(Meaning)
        for field in dataclasses.fields(Meaning):
            value = getattr(code, field.name)
            assert value in (get_args(hints[field.name]) or {value})
            assert value
            assert value == value.strip("\n")
        assert KEBAB.fullmatch(code.name)
        assert code.wrong != code.right

    def test_read_well(self, code: Meaning) -> None:
        assert len(code.summary) <= 85
        assert code.summary == code.summary.strip()
        assert "\n" not in code.summary
        assert not code.summary.endswith(".")
        lines = code.explanation.splitlines()
        assert 2 <= len(lines) <= 6
        assert all(line == line.strip() and len(line) <= 95 for line in lines)
        assert code.explanation.endswith((".", '".'))
        assert all(len(line) <= 95 for line in f"{code.wrong}\n{code.right}".splitlines())
        assert not JARGON.search(f"{code.summary} {code.explanation}")

    def test_fallback_is_explained_wherever_it_is_named(self, code: Meaning) -> None:
        if "fallback" in f"{code.summary} {code.explanation}":
            assert '"any mode that is not named"' in code.explanation
            assert 'not mean "when loading fails"' in code.explanation


class TestCatalogue:
    def test_is_in_order(self) -> None:
        stages = [stage for stage, _ in groupby(CODES.values(), lambda one: one.stage)]
        assert stages == list(get_args(codes.Stage))
        for stage in stages:
            names = [code.name for code in CODES.values() if code.stage == stage]
            assert names == sorted(names)

    def test_is_read_once_and_cannot_be_changed(self) -> None:
        assert catalogue() is CODES
        with pytest.raises(TypeError):
            CODES["new-code"] = CODES["too-deep"]  # type: ignore[index]
        with pytest.raises(dataclasses.FrozenInstanceError):
            CODES["too-deep"].name = "too-shallow"  # type: ignore[misc]

    def test_names_the_same_severities_as_diagnostics(self) -> None:
        hints = get_type_hints(Meaning)
        assert set(get_args(hints["severity"])) == {str(one) for one in Severity}

    def test_costs_nothing_until_it_is_asked_for(self) -> None:
        program = (
            "import sys; before = set(sys.modules)\n"
            "from kernel_schema import codes\n"
            "print(*sorted(set(sys.modules) - before))\n"
            "assert codes.catalogue()"
        )
        printed = run_python("-c", program)
        assert {"kernel_schema", "kernel_schema.codes"} <= set(printed.split())
        assert set(printed.split()).isdisjoint({"tomllib", "tomli", "pydantic", "yaml", "torch"})


# True: each example gives its code, and no longer does once it is put right.


def found(diagnostics: Iterable[ks.Diagnostic]) -> list[str]:
    """The codes of some diagnostics, whose severities are those of the catalogue."""
    diagnostics = list(diagnostics)
    for one in diagnostics:
        assert one.severity == CODES[one.code].severity, one
    return [one.code for one in diagnostics]


# What stands in an example for text that could not be shown.
SPELT_OUT = {
    "key-too-long": ("…", "m" * 1000),
    "forbidden-character": ("␀", "\0"),
    "too-many-problems": (
        "  # ... and a thousand layers like it",
        "\n".join(f"  Layer{index}: !kernel org/repo:Layer" for index in range(1000)),
    ),
}
# What an example cannot show alone.
COMPANY = {"too-many-problems": {"yaml-tag"}}


@of_stage("syntax", "config", formats=("yaml", "json", "toml"))
def test_examples_of_texts(code: Meaning) -> None:
    format: Any = code.format
    wrong = code.wrong.replace(*SPELT_OUT.get(code.name, ("", "")))
    with pytest.raises(ks.ConfigError) as caught:
        ks.loads_document(wrong, format=format)
    codes = found(caught.value.diagnostics)
    assert codes.count(code.name) == 1
    assert set(codes) == {code.name} | COMPANY.get(code.name, set())
    ks.loads_document(code.right, format=format)


@of_stage("syntax", "config")
def test_texts_have_no_other_examples(code: Meaning) -> None:
    assert code.format in {"yaml", "json", "toml"}


@of_stage("file", formats=["toml"])
def test_examples_of_pyproject(code: Meaning, tmp_path: Path) -> None:
    if code.name == "invalid-setting":
        return  # of the command: below
    path = tmp_path / "pyproject.toml"
    path.write_text(code.wrong, encoding="utf-8")
    with pytest.raises(ks.ConfigError) as caught:
        ks.load(path)
    assert found(caught.value.diagnostics) == [code.name]
    path.write_text(code.right, encoding="utf-8")
    ks.load(path)


@pytest.mark.parametrize("name", ["invalid-setting", "unknown-code", "unused-ignore"])
def test_examples_of_comments_and_settings(
    name: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = "pyproject.toml" if CODES[name].format == "toml" else "kernels.yaml"
    for text, is_told in ((CODES[name].wrong, True), (CODES[name].right, False)):
        (workplace / file).write_text(text, encoding="utf-8")
        code = main(["check", "kernels.yaml", "--output-format", "concise"])
        captured = capsys.readouterr()
        told = f"{CODES[name].severity}[{name}]" in captured.out + captured.err
        assert told == is_told
        assert (code == 2) == (told and name == "invalid-setting")


@of_stage("file", formats=["python"])
def test_examples_of_file_functions(code: Meaning, workplace: Path) -> None:
    names = {"ks": ks, "config": ks.KernelConfig()}
    with pytest.raises(ks.FileAccessError) as caught:
        exec(code.wrong, names)  # noqa: S102 (the catalogue's own example)
    assert found(caught.value.diagnostics) == [code.name]
    exec(code.right, names)  # noqa: S102


@of_stage("file", formats=["shell"])
def test_examples_of_file_commands(code: Meaning, workplace: Path) -> None:
    with pytest.raises(ks.ConfigError) as caught:
        checked(code.wrong if code.name != "unreadable-file" else "kernel-schema check loop.yaml")
    assert found(caught.value.diagnostics) == [code.name]
    checked(code.right)


def checked(command: str) -> ks.Document:
    """Read the file of `... kernel-schema check FILE`, with `--format`, `--at` and `--set`."""
    words = shlex.split(command.rpartition("kernel-schema check ")[2])
    options = {name.strip("-"): value for name, value in pairwise(words) if name.startswith("--")}
    assert options.keys() <= {"at", "format", "set"}
    (file,) = (word for word in words if not word.startswith("--") and word not in options.values())
    read: Any = ks.read
    overrides = [options.pop("set")] if "set" in options else ()
    return read(file, **options, overrides=overrides)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files of the examples."""
    monkeypatch.chdir(tmp_path)
    config = "kernel_mapping: {}\n"
    for name in ("kernels.yaml", "kernels.conf", "configs/kernels.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(config, encoding="utf-8")
    (tmp_path / "kernels.json").write_text('{"kernel_mapping": {}}', encoding="utf-8")
    for name, base in (("fleet", "kernel"), ("team", "kernels")):
        text = f"extends: ./{base}.yaml\n{config}"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    bigger = "trainer:\n  kernels: {kernel_mapping: {}}\n"
    (tmp_path / "training.yaml").write_text(bigger, encoding="utf-8")
    (tmp_path / "weights.json").write_bytes(b"0" * 10_000_001)
    (tmp_path / "latin1.yaml").write_bytes("# é\n".encode("latin-1") + config.encode())
    (tmp_path / "kernels.lock").write_text(LOCK, encoding="utf-8")
    (tmp_path / "uv.lock").write_text("version = 1\n", encoding="utf-8")
    # Even an administrator cannot read this one.
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    return tmp_path


LOCK = """\
[{"dependency": {"repo-id": "org/repo", "version": 1},
  "lock": {"commit": "0123456789abcdef0123456789abcdef01234567"}}]
"""
KERNELS = (
    KernelLayer("Norm", "2 * x"),
    KernelLayer("NormWithoutBackward", "2 * x", has_backward=False),
    KernelLayer("NormOfTwo", "x * y", arguments="x, y"),
    KernelLayer("NormAsItIs", "x * self.weight"),
    KernelLayer("NormInDouble", "(x * self.weight).double()"),
    KernelLayer("NormInCircles", "[x * self.weight for _ in range(30)][0]"),
)
STATE = """
class NormWithState(nn.Module):
    size = 4

    def forward(self, x):
        return x
"""


def write_kernels(folder: Path) -> None:
    """The kernel repositories of the examples."""
    norm = write_kernel_repository(folder / "norm", KERNELS, backends=["cpu"])
    layers = norm / "build/torch-cpu/layers.py"
    layers.write_text(f"{layers.read_text()}\n{STATE}", encoding="utf-8")
    shutil.copytree(norm, folder / "norm_copy")
    write_kernel_repository(folder / "fresh", KERNELS, backends=["cpu"])
    layout = "class NormLayout(nn.Module):\n    pass\n"
    layout = f"from torch import nn\n{KERNELS[0].source}{layout}"
    write_kernel_repository(folder / "layout", layout, backends=["cpu"])
    unnamed = write_kernel_repository(folder / "unnamed", KERNELS, backends=["cpu"])
    (unnamed / "build/torch-cpu/metadata.json").write_text(
        '{"name": "x-y", "id": "x", "license": "MIT", "python-depends": [], '
        '"backend": {"type": "cpu"}}'
    )
    computed = STATE.replace("NormWithState", "Norm").replace("size = 4", "has_backward = bool(0)")
    computed = f"from torch import nn\n{computed}"
    write_kernel_repository(folder / "computed", computed, backends=["cpu"])
    write_kernel_repository(folder / "raises", "raise RuntimeError('broken')", backends=["cpu"])
    cuda = write_kernel_repository(folder / "norm_cuda", KERNELS, backends=["cuda"])
    metadata = cuda / "build/torch-cuda/metadata.json"
    stated = metadata.read_text(encoding="utf-8").replace('"cuda"}', '"cuda", "archs": ["9.0"]}')
    metadata.write_text(stated, encoding="utf-8")


@pytest.fixture
def bench(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What examples for models find: `model`, on the CPU and in inference, and some modules.

    kernels has a mapping of its own, with a kernel for `RMSNorm` on cuda.
    """
    torch = pytest.importorskip("torch", reason="these examples need a model")
    kernels = pytest.importorskip("kernels", reason="these examples need a mapping")

    class Registered(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2))

        def forward(self, x: Any) -> Any:
            return x * self.weight

    def layer(name: str) -> Any:
        return type(name, (Registered,), {"kernel_layer_name": name})

    norm = layer("Norm")
    model = torch.nn.Sequential(norm(), norm(), layer("SiLU")(), layer("RMSNorm")()).eval()
    write_kernels(workplace / "kernels")
    # The examples name the same relative paths, each in a process of its own.
    monkeypatch.setattr(kernels.layer.layer, "_CACHED_LAYER", {})
    monkeypatch.setattr(kernels.importer, "_loaded_kernels", {})
    inherited = kernels.LayerRepository("org/inherited", layer_name="RMSNorm", version=1)
    with kernels.use_kernel_mapping({"RMSNorm": {"cuda": inherited}}, inherit_mapping=False):
        yield {"ks": ks, "torch": torch, "nn": torch.nn, "model": model, "edit": edit}


def edit(path: str) -> None:
    """Change a file, as its author would."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")


@of_stage("model", formats=["yaml"])
def test_examples_of_checks(code: Meaning, bench: dict[str, Any]) -> None:
    # Of a name that a model does not register, another code tells.
    model = None if code.name == "unlikely-layer-name" else bench["model"]
    wrong, right = (
        found(ks.check(ks.loads(text, format="yaml"), model)) for text in (code.wrong, code.right)
    )
    assert [one for one in wrong if one not in right] == [code.name]
    assert code.name not in right


def tiny_llama() -> Any:
    transformers = pytest.importorskip("transformers", reason="this is about its models")
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    config = transformers.LlamaConfig(**sizes, num_hidden_layers=1, vocab_size=32)
    return transformers.LlamaForCausalLM(config).eval()


@of_stage("model", formats=["python"])
def test_examples_of_checks_on_models(code: Meaning, bench: dict[str, Any]) -> None:
    if "peft." in code.wrong:
        bench["peft"] = pytest.importorskip("peft", reason="this is about its modules")
    if "use_kernels" in code.wrong:
        bench["model"] = tiny_llama()

    def check(text: str) -> list[str]:
        names = dict(bench)
        exec(text, names)  # noqa: S102 (the catalogue's own example)
        model = names["model"]
        classes = [value for name, value in names.items() if name.endswith("Norm")]
        if classes:
            model = names["nn"].Sequential(*(cls() for cls in classes))
        layer_name = "RMSNorm" if classes or "use_kernels" in text else "Norm"
        return found(
            ks.check(
                ks.KernelConfig({layer_name: {"cuda": "org/a:L"}}, inherit_mapping=False),
                model,
                device="cuda",
            )
        )

    assert check(code.wrong) == [code.name]
    assert check(code.right) == []


@of_stage("model", formats=["shell"])
def test_examples_of_check_commands(
    code: Meaning, bench: dict[str, Any], workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = "kernel_mapping: {Norm: {cuda: './kernels/norm_cuda:Norm'}}"
    (workplace / "kernels.yaml").write_text(config, encoding="utf-8")
    _, *wrong = shlex.split(code.wrong)
    assert main([*wrong, "--output-format", "json"]) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["diagnostics"]] == [
        code.name
    ]
    _, *right = shlex.split(code.right)
    assert main(right) == 0


@of_stage("kernelize", formats=["yaml"])
def test_examples_of_configs_that_are_not_put_in_place(
    code: Meaning, bench: dict[str, Any]
) -> None:
    model = bench["model"].train()

    def put_in_place(text: str) -> list[str]:
        config = ks.loads(text, format="yaml")
        try:
            if code.name == "plan-not-met":
                plan = ks.explain(config, model)
                return found(disagreements(plan, ks.kernelize(model, config, strict=False)))
            if "org/repo" in text:
                # Nothing can be loaded from the Hub here: lowering is as far as that goes.
                ks.lower(config, device="cpu")
            else:
                ks.kernelize(model, config)
        except ks.KernelSchemaError as error:
            return found(error.diagnostics)
        return []

    assert put_in_place(code.wrong) == [code.name]
    assert put_in_place(code.right) == []


@pytest.mark.filterwarnings("ignore:.*no backward.*")
@of_stage("kernelize", formats=["python"])
def test_examples_of_kernelizing(code: Meaning, bench: dict[str, Any]) -> None:
    if code.name == "capability-needed" and bench["torch"].cuda.is_available():
        pytest.skip("there is a GPU here, which has a capability")
    # A kernel that does not serve a mode runs in it only where it was chosen for another one.
    later = ("kernel-without-backward-in-training", "kernel-without-compile-in-compiled")
    company = {"stale-mode"} if code.name in later else set()
    assert set(outcome(code.wrong, code, bench)) == {code.name} | company
    # A process loads a kernel once: what was changed before needs another one.
    right = code.right.replace("kernels/norm/", "kernels/fresh/")
    assert outcome(right, code, bench) == []


@of_stage("measure", formats=["python"])
def test_examples_of_comparisons(code: Meaning, bench: dict[str, Any]) -> None:
    def compared(text: str) -> list[str]:
        # What an example says of speed is no matter to the others.
        text = text.replace("./kernels", str(Path("kernels").absolute()))
        *before, last = text.splitlines()
        names = dict(bench, x=bench["torch"].ones(2, 2))
        try:
            exec("\n".join(before), names)  # noqa: S102 (the catalogue's own example)
            comparison = eval(last, names)  # noqa: S307
        except ks.KernelSchemaError as error:
            return found(error.diagnostics)
        codes = found(comparison.diagnostics)
        return [each for each in codes if each in (code.name, "kernel-fails")]

    right = compared(code.right)
    assert compared(code.wrong) == [code.name]
    assert right == []


@of_stage("environment", formats=["python"])
def test_examples_of_machines(code: Meaning, bench: dict[str, Any]) -> None:
    if bench["torch"].cuda.is_available():
        pytest.skip("there is such a GPU here")
    assert outcome(code.wrong, code, bench) == [code.name]
    assert outcome(code.right, code, bench) == []


def outcome(text: str, code: Meaning, bench: dict[str, Any]) -> list[str]:
    """What running an example reports, and what an audit of the model reports after it."""
    layer_name = "NormWithoutBackward" if "backward" in code.name else "Norm"
    registered = "Norm"
    if "as_transformers" in code.wrong:
        registered = "RMSNorm"
        accelerate = pytest.importorskip("accelerate", reason="an example is about its hooks")
        bench |= {"model": tiny_llama(), "accelerate": accelerate}
    # Absolute: kernels keeps what it has loaded by its path as written, and examples move about.
    repository = Path("kernels/fresh" if "fresh" in text else "kernels/norm").absolute()
    kernel = f"{repository}:{layer_name}"
    entry = {"cuda": [{"min_capability": 80, "kernel": kernel}]}
    config = ks.KernelConfig({registered: entry if code.name == "capability-needed" else kernel})
    try:
        exec(text, dict(bench, config=config))  # noqa: S102 (the catalogue's own example)
        checked = ks.check(config, bench["model"]) if code.name.startswith("kernel-changed") else ()
        return found([*checked, *ks.audit(bench["model"]).diagnostics])
    except ks.KernelSchemaError as error:
        return found(error.diagnostics)
    finally:
        ks.restore(bench["model"])


CHECK = (
    "Norm = type('Norm', (__import__('torch').nn.Identity,), {'kernel_layer_name': 'Norm'}); "
    "report(*ks.check(ks.KernelConfig({'Norm': 'org/repo:Norm'}), Norm()))"
)
# What `python train.py` stands for in an example: the part that meets the problem.
TRAIN = {
    "broken-dependency": "ks.lower(ks.KernelConfig())",
    "hub-kernels-disabled": "report(registration_disabled())",
    "kernel-mapping-disabled": CHECK,
    "local-kernels-override": CHECK,
}
REPORT = """\
import kernel_schema as ks
from kernel_schema.checks.environment import registration_disabled
def report(*problems):
    print(*(problem.code for problem in problems if problem is not None))
try:
    {}
except ks.KernelSchemaError as error:
    report(*error.diagnostics)
"""


@pytest.mark.slow
@of_stage("environment", formats=["shell"])
def test_examples_of_environments(
    code: Meaning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kernels", reason="this is about kernels as it is installed")
    if code.name == "missing-dependency":
        # As Python itself marks what cannot be imported.
        monkeypatch.setitem(sys.modules, "kernels", None)
        with pytest.raises(ks.LoweringError) as caught:
            ks.lower(ks.KernelConfig())
        assert found(caught.value.diagnostics) == [code.name]
        assert code.right in (caught.value.diagnostics[0].help or "")
        return
    body = TRAIN.get(code.name, TRAIN["hub-kernels-disabled"])
    if "registration" in body:
        pytest.importorskip("transformers", reason="this is about transformers as it is installed")
        body = f"import transformers.utils.import_utils; {body}"
    train = REPORT.format(body)
    wrong, right = (
        environment(text, tmp_path / str(side))
        for side, text in enumerate((code.wrong, code.right))
    )
    assert run_python("-c", train, **wrong).split() == [code.name]
    assert run_python("-c", train, **right).split() == []


def environment(command: str, site: Path) -> dict[str, str]:
    """The variables of `NAME=VALUE python train.py`, or one that shows what `pip` would bring."""
    setting = command.removesuffix("python train.py").strip()
    if setting != command:
        return dict([setting.split("=", 1)]) if setting else {}
    version = command.rpartition("kernels==")[2]
    info = site / f"kernels-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: kernels\nVersion: {version}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    (site / "kernels").mkdir()
    (site / "kernels/__init__.py").touch()
    return {"PYTHONPATH": str(site)}


def run_python(*arguments: str, **variables: str) -> str:
    """What a fresh Python prints, with our package importable."""
    path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), str(ROOT)]))
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# The table of schemas/README.md.


class TestTable:
    def test_of_the_page_is_up_to_date(self) -> None:
        text = README.read_text(encoding="utf-8")
        assert updated(text, CODES.values()) == text, "run `python tests/update_readme.py`"

    def test_has_a_row_for_each_code(self) -> None:
        rows = render_table(CODES.values()).splitlines()[2:]
        assert [re.findall(r"^\| \[`([a-z0-9-]+)`\]\(codes.md#\1\)", row) for row in rows] == [
            [name] for name in CODES
        ]
        assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)

    def test_shows_the_heart_of_an_example(self) -> None:
        assert heart(CODES["syntax-error"]) == "SiLU: org/repo: SiLU"
        assert heart(CODES["yaml-alias"]) == "GeLU: *activations"
        assert heart(CODES["yaml-tab"]) == "\\tSiLU: org/repo:SiLU"
        assert all(0 < len(heart(code)) <= 95 for code in CODES.values())
        assert all(heart(code).isprintable() for code in CODES.values())

    def test_is_put_between_the_marks(self) -> None:
        text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
        table = render_table([CODES["too-deep"]])
        assert updated(text, [CODES["too-deep"]]) == f"before\n{BEGIN}\n{table}{END}\nafter\n"
        with pytest.raises(ValueError, match="once, each on its own line"):
            updated("no marks", [])
