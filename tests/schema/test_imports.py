"""What importing the package brings in, and what it leaves out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kernel_schema

ROOT = Path(kernel_schema.__file__).parent.parent
MOST_FOR_A_GOOD_FILE = 73
"""How many modules of ours checking a file may take: each costs a part of a millisecond."""
HEAVY = ("torch", "kernels", "transformers", "huggingface_hub", "rich", "numpy", "yaml")


def loaded(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, encoding="utf-8"
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_package_alone_loads_nothing_of_weight() -> None:
    names = loaded("import kernel_schema")
    assert "kernel_schema" in names
    assert names.isdisjoint((*HEAVY, "pydantic"))


@pytest.mark.parametrize(
    "statement",
    [
        "from kernel_schema import KernelConfig",
        "from kernel_schema import KernelConfig, expand; expand(KernelConfig({'A': 'o/r:L'}))",
        "import kernel_schema as ks; ks.parse_kernel_ref('o/r:L')",
        "import kernel_schema as ks; dir(ks); ks.__all__",
    ],
)
def test_the_schema_needs_neither_torch_nor_kernels(statement: str) -> None:
    assert loaded(statement).isdisjoint(HEAVY)


def test_an_error_needs_neither_torch_nor_kernels() -> None:
    statement = (
        "import kernel_schema as ks\n"
        "try: ks.KernelConfig({'A': {'cdua': 'org/repo'}})\n"
        "except ValueError as error: str(ks.ConfigError.from_validation_error(error))"
    )
    assert loaded(statement).isdisjoint(HEAVY)


def modules_of_check(folder: Path, text: str) -> set[str]:
    """Our own modules, and those of the standard library, that checking one file loads."""
    (folder / "kernels.yaml").write_text(text, encoding="utf-8")
    code = (
        "import contextlib, io, json, sys\n"
        "from kernel_schema.cli import run\n"
        "with contextlib.redirect_stdout(io.StringIO()): run(['check', 'kernels.yaml'])\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        cwd=folder,
        env=environment,
        encoding="utf-8",
    )
    return set(json.loads(done.stdout))


ONLY_WHERE_SOMETHING_IS_TOLD = {
    "kernel_schema.checks.selection",
    "kernel_schema.choice.report",
    "kernel_schema.codes",
    "kernel_schema.files.explain.snippets",
    "kernel_schema.files.repair",
    "kernel_schema.schema.meant.spellings",
}


def test_a_good_file_is_checked_without_what_only_mistakes_need(tmp_path: Path) -> None:
    modules = modules_of_check(tmp_path, "kernel_mapping: {SiLU: {cuda: 'org/repo:SiLU'}}\n")
    assert "kernel_schema.checks.questions" in modules
    assert modules.isdisjoint(ONLY_WHERE_SOMETHING_IS_TOLD)
    assert modules.isdisjoint({"rich", "shlex", "tomllib"})
    ours = {name for name in modules if name.startswith("kernel_schema")}
    assert len(ours) <= MOST_FOR_A_GOOD_FILE, sorted(ours)


def test_a_wrong_file_loads_what_tells_it(tmp_path: Path) -> None:
    modules = modules_of_check(tmp_path, "kernel_mapping: {SiLU: {cdua: 'org/repo:SiLU'}}\n")
    assert {"kernel_schema.files.repair", "kernel_schema.files.explain.snippets"} <= modules


def test_public_names_are_what_they_are_called() -> None:
    package: Any = kernel_schema  # its stub lists what it has, not how
    homes = package._homes()
    homeless = set(package.__all__) - set(homes)
    assert homeless == {"__version__"}
    assert len(package.__all__) == len(homes) + len(homeless)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        if not homes.get(name, "").startswith(
            ("kernel_schema.diagnostics", "kernel_schema.schema")
        ):
            continue
        value = getattr(kernel_schema, name)
        assert getattr(value, "__name__", name) == name
        # Asked for again it is simply there.
        assert vars(kernel_schema)[name] is value


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'KernelConfg'"):
        kernel_schema.KernelConfg  # type: ignore[attr-defined]  # noqa: B018 (asked for in vain)
