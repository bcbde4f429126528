"""What `kernel-schema check` shows of a file, for a text that is not written yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_schema.diagnostics import ConfigError, Diagnostic, KernelSchemaError
from kernel_schema.files.document import Format, InvalidConfigError
from kernel_schema.files.read import loads_document, refuse_size
from kernel_schema.findings.found import found
from kernel_schema.findings.judge import Judge
from kernel_schema.findings.verdicts import Wishes
from kernel_schema.fixing import mend
from kernel_schema.policies.in_force import policies_in_force
from kernel_schema.schema.grammar import FrozenDict

if TYPE_CHECKING:
    from kernel_schema.files.document import Document
    from kernel_schema.model.types import Module


def findings(
    text: str, file: str, format: Format, model: Module | None = None
) -> tuple[Diagnostic, ...]:
    """What is shown of a text: what is found in it, as settings, comments and policies say.

    What is wrong with settings or a policy is told too: nothing can be judged by them.
    """
    try:
        refuse_size(len(text.encode("utf-8", "surrogatepass")), file)
        # Anew each time: settings and policies may have changed on disk.
        judge = Judge(Wishes(), policies=policies_in_force())
        if judge.excludes(file):
            return ()
        return found(text, file=file, format=format, judge=judge, asked={"model": model}).shown
    except KernelSchemaError as error:
        return error.diagnostics


def mended(text: str, file: str, format: Format) -> str:
    """The text with everything mended that is certain."""
    return mend(text, lambda new: findings(new, file, format)).text


def document_of(text: str, file: str, format: Format) -> Document | None:
    """The document that a text is, or the valid part of it; None if nothing of it is valid."""
    try:
        return loads_document(text, format=format, file=file)
    except InvalidConfigError as error:
        part = error.part()
        if part is None or part.incomplete is None:
            return None
        # Of an entry with something wrong in it nothing can be told yet.
        config = part.document.config
        whole = config.kernel_mapping.items()
        kept = {name: entry for name, entry in whole if name not in part.incomplete}
        update = {"kernel_mapping": FrozenDict(kept)}
        return replace(part.document, config=config.model_copy(update=update))
    except ConfigError:
        return None
