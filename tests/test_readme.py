"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

import kernel_schema as ks
from kernel_schema.cli.main import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", README, re.DOTALL))
RUNS = re.findall(r"<!-- run: kernel-schema (.+?) -->\n```text\n(.*?)```", README, re.DOTALL)
CONFIGS = [
    text
    for text in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    if text not in FILES.values() and "kernel_mapping" in text
]


def test_python_examples_run_one_after_the_other() -> None:
    pytest.importorskip("torch", reason="the examples apply a config to a model")
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102 (our own README)


@pytest.mark.parametrize(("arguments", "expected"), RUNS)
def test_sessions_print_what_is_shown(
    arguments: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if "--model" in arguments:
        pytest.importorskip("transformers", reason="the session looks at a model")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    main(arguments.split())
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("text", CONFIGS)
def test_configs_are_valid(text: str) -> None:
    assert ks.loads(text, format="yaml").kernel_mapping


def test_there_is_something_to_test() -> None:
    assert RUNS
    assert FILES
    assert CONFIGS


@pytest.mark.parametrize("name", sorted(set(re.findall(r"ks\.([A-Za-z_]+)", README))))
def test_every_name_it_uses_is_public(name: str) -> None:
    assert name in ks.__all__
