"""What is found in the text of a config file, as far as it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kernel_schema.diagnostics import Diagnostic, KernelSchemaError, in_file_order
from kernel_schema.files.document import Document, Format, InvalidConfigError
from kernel_schema.files.read import FileAccessError, loads_document
from kernel_schema.limits import MAX_BYTES

if TYPE_CHECKING:
    from kernel_schema.diagnostics import Route
    from kernel_schema.findings.judge import Judge


class Found(NamedTuple):
    """What is shown of a text, and the document that it is, if it states a config."""

    shown: tuple[Diagnostic, ...]
    document: Document | None
    forbidden: tuple[Diagnostic, ...]


def found(
    text: str,
    *,
    file: str,
    format: Format,
    max_bytes: int = MAX_BYTES,
    at: Route | None = None,
    overrides: Sequence[str] = (),
    judge: Judge | None = None,
    asked: dict[str, Any],
) -> Found:
    """Read, validate and check a text.

    Args:
        text: What the file holds.
        file: What messages call it.
        format: How it is read.
        max_bytes: Refuse larger bases.
        at: Where the config stands in it, as for `ks.read`.
        overrides: What holds in the place of what it says.
        judge: Leaves out what is not wanted; all is shown without one.
        asked: What `Asked` takes.

    Raises:
        FileAccessError: If a format cannot be told.
        OverrideError: If an override is none: that is about no file.
    """
    left_out: dict[str, Any] = {} if judge is None else {"ignore": judge.verdicts(file).off}
    unusable: Sequence[Diagnostic] = ()
    rest: Iterable[Diagnostic] = ()
    document: Document | None = None
    part: Document | None = None
    try:
        part = document = loads_document(
            text, format=format, file=file, at=at, max_bytes=max_bytes, overrides=overrides
        )
        # Imported here: a file that holds no valid config needs none of it.
        from kernel_schema.lowering.check import Asked, check_as

        rest = check_as(document, Asked(**asked, **left_out))
    except FileAccessError:
        raise
    except InvalidConfigError as error:
        unusable = error.diagnostics
        from kernel_schema.lowering.check import Asked, check_part

        part, rest = check_part(error, Asked(**asked, **left_out))
    except KernelSchemaError as error:
        if overrides:
            from kernel_schema.files.composition.overrides import OverrideError

            if isinstance(error, OverrideError):
                raise
        unusable = error.diagnostics
    forbidden: tuple[Diagnostic, ...] = ()
    if judge is not None:
        forbidden = judge.forbidden(part)
        of_model, of_hub = (asked.get(name) is not None for name in ("model", "further"))
        rest = judge.shown(file, unusable, rest, part, forbidden, of_model=of_model, of_hub=of_hub)
        unusable = ()
    return Found(in_file_order((*unusable, *rest, *forbidden)), document, forbidden)
