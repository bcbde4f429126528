"""Write what the readers say now into the files beside this one."""

from __future__ import annotations

from . import _FOLDER, READERS, cases, problems

for name, read in READERS.items():
    blocks = [f">>> {text!a}\n{problems(read, text)}\n" for text, _ in cases(name)]
    (_FOLDER / f"{name}.txt").write_text("\n".join(blocks), encoding="utf-8")
