"""What a value was meant to be that is no revision, no lock file, and trusts nobody rightly."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_schema.diagnostics import Repair
from kernel_schema.schema.references import is_repo_id, is_revision, read_kernel_ref
from kernel_schema.schema.values import ORIGINAL_ALIASES
from kernel_schema.schema.vocabulary import ORIGINAL
from kernel_schema.typeguards import as_text, is_list, is_table, is_tuple
from kernel_schema.wording import normalise_word, quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_schema.schema.problems import Advice

_YES: Final = frozenset(("true", "yes", "on", "y", "1"))
_NO: Final = frozenset(("false", "no", "off", "n", "0", "never", "none"))
_EVERYBODY: Final = frozenset(("*", "all", "always", "any", "everybody"))
_PAGE: Final = re.compile(r"\A(?:https?|hf):.*/(?:tree|commit|blob|resolve)/([^/]+)")
_ADDRESS: Final = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_BEHIND_REPO_ID: Final = re.compile("[:@?#]|/(?:tree|blob)/")


def kernel_advice(value: object) -> Advice:
    """What to write for a kernel that is none, beside the options of one."""
    text = as_text(value)
    is_word = text is not None and normalise_word(text) in ORIGINAL_ALIASES
    if value is None or value is False or is_word:
        help_text = "write `original` in place of the whole entry"
        return help_text, Repair("replace", ORIGINAL, up=1, safe=False)
    if is_list(value) and len(value) == 1 and isinstance(value[0], str):
        return "write the kernel without a list", Repair("replace", value[0])
    if not is_table(value):
        return None, None
    if {*value} == {"repo_id", "layer_name"}:
        reference = f"{value['repo_id']}:{value['layer_name']}"
        if read_kernel_ref(reference):
            return f"write {quote(f'kernel: {reference}')}", Repair("replace", reference)
    return "leave `kernel` out, and write what it holds", None


def revision_advice(value: object) -> Advice:
    """What to write for a revision."""
    if value is None or value == "":
        return "leave the revision out to state none", Repair("remove")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "put it between quotes, or use `version` for a kernel version", None
    return _cleaned(value, is_revision)


def lockfile_advice(value: object) -> Advice:
    """What to write for a lock file."""
    if value is None or value is False or value == "":
        return "leave `lockfile` out to state none", Repair("remove")
    if is_table(value) and isinstance(path := value.get("path"), str):
        return f"write the path alone: {quote(path)}", Repair("replace", path)
    return _cleaned(value, str.isprintable)


def _cleaned(value: object, is_right: Callable[[str], bool]) -> Advice:
    """A text without what stands around it: blanks, a list of one, `@`, the address of a page."""
    if is_list(value) and len(value) == 1:
        value = value[0]
    text = (as_text(value) or "").strip()
    page = _PAGE.search(text)
    meant = page[1] if page is not None else text.lstrip("@#")
    if not meant or not is_right(meant):
        return None, None
    return f"did you mean {quote(meant)}?", Repair("replace", meant, safe=meant == text)


def trust_advice(value: object) -> Advice:
    """What to write for `trust_remote_code`."""
    if value is None or is_list(value) or is_tuple(value):
        return "leave it out for false", Repair("remove")
    text = as_text(value)
    if text is None or text.strip().lower() in _YES | _NO:
        help_text, repair = yes_or_no(value)
        # A number may have been meant for the pin.
        if repair is not None and text is None:
            repair = replace(repair, safe=False)
        return help_text, repair
    repo_ids = re.split(r"[\s,;]+", text.strip())
    if all(map(is_repo_id, repo_ids)):
        shown = ", ".join(f'"{repo_id}"' for repo_id in repo_ids)
        return f"write a list: [{shown}]", Repair("replace", repo_ids)
    return repo_id_advice(text)


def repo_id_advice(text: str) -> Advice:
    """What to write for a repository that is to be trusted: each is named."""
    if text.strip().lower() in _EVERYBODY:
        return "write `trust_remote_code: true` to trust every publisher", None
    meant = _BEHIND_REPO_ID.split(_ADDRESS.sub("", text.strip()))[0]
    meant = meant.removesuffix(".git").strip("/")
    if is_repo_id(meant):
        return f"did you mean {quote(meant)}?", Repair("replace", meant, safe=False)
    publisher = text.strip().strip("@*/")
    if is_repo_id(f"{publisher}/repo"):
        return f"each repository is named: `{publisher}/repo`", None
    return None, None


def yes_or_no(value: object) -> Advice:
    """What to write for a plain yes or no."""
    word = str(value) if type(value) is int and value in {0, 1} else as_text(value) or ""
    word = word.strip().lower()
    if word not in _YES | _NO:
        return None, None
    meant = "true" if word in _YES else "false"
    help_text = f"write {meant}, without quotes" if word == meant else f"write {meant}"
    return help_text, Repair("replace", word in _YES)
