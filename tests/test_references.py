"""What is to be copied exists upstream: transformers' table names each reference that is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import kernel_schema as ks
from kernel_schema.files.read import format_of
from tests.test_readme import PAGES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

COMMUNITY = "kernels-community/"
REFERENCE = re.compile(COMMUNITY + r"[\w.-]+(?:@[\w./-]+)?:\w+")
SHOWN = {
    "pages": [ROOT / page for page in PAGES],
    "package": [
        *ROOT.glob("kernel_schema/**/*.py"),
        *ROOT.glob("kernel_schema/**/*.toml"),
        *ROOT.glob("kernel_schema/**/*.yaml"),
        *ROOT.glob("kernel_schema/**/*.json"),
    ],
    "schemas": [path for path in ROOT.glob("schemas/**/*") if path.is_file()],
    "editors": [ROOT / "tests/editors/cursors.py"],
}
VALID = sorted(path for path in (ROOT / "tests/corpus/valid").iterdir() if format_of(path.name))


@pytest.fixture(scope="module")
def upstream() -> set[tuple[str, str]]:
    """Repository and layer of each kernel that is known to exist."""
    pytest.importorskip("transformers", reason="its table says what is there")
    from kernel_schema.integrations.transformers import default_rules

    kernels = (rule.kernel for rule in default_rules())
    named = {(k.repo_id, k.layer_name) for k in kernels if isinstance(k, ks.HubKernel)}
    # The kernel of the documentation of transformers' own KernelConfig.
    return {*named, ("kernels-community/layer_norm", "LlamaRMSNorm")}


@pytest.mark.parametrize("place", SHOWN)
def test_what_pages_docstrings_and_completions_show(
    place: str, upstream: set[tuple[str, str]]
) -> None:
    files = SHOWN[place]
    shown = {match: path for path in files for match in REFERENCE.findall(path.read_text("utf-8"))}
    assert shown
    for text, path in shown.items():
        reference = ks.parse_kernel_ref(text)
        assert isinstance(reference, ks.HubRef)
        assert (reference.repo_id, reference.layer_name) in upstream, f"{path}: {text}"


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_what_valid_files_state(path: Path, upstream: set[tuple[str, str]]) -> None:
    """Read, not searched: a reference may be written with escapes and over several lines."""
    for rule in ks.expand(ks.load(path)):
        kernel = rule.kernel
        if isinstance(kernel, ks.HubKernel) and kernel.repo_id.startswith(COMMUNITY):
            assert (kernel.repo_id, kernel.layer_name) in upstream, str(kernel)


def test_a_layer_that_is_not_there_is_found_out(upstream: set[tuple[str, str]]) -> None:
    assert ("kernels-community/activation", "Silu") in upstream
    assert ("kernels-community/activation", "SiLU") not in upstream
