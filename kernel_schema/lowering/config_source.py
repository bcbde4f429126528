"""Configs and documents alike: where a document is given, diagnostics get its positions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias

from kernel_schema.diagnostics import KernelSchemaError
from kernel_schema.schema.models import KernelConfig

if TYPE_CHECKING:
    from collections.abc import Generator

    from kernel_schema.diagnostics import Diagnostic, Route, Span


class ConfigDocument(Protocol):
    """A config together with the text it was read from, as `kernel_schema.Document` is."""

    @property
    def anchored(self) -> KernelConfig:
        """The config, with relative paths made absolute."""
        ...

    def locate(self, route: Route) -> Span:
        """Where a route leads in the text."""
        ...

    def place(self, diagnostic: Diagnostic) -> Diagnostic:
        """The same diagnostic with file and span."""
        ...


ConfigSource: TypeAlias = KernelConfig | ConfigDocument


def config_of(source: ConfigSource) -> KernelConfig:
    """The config that is meant."""
    return source if isinstance(source, KernelConfig) else source.anchored


def placed(source: ConfigSource, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic, with positions if the source has any."""
    return diagnostic if isinstance(source, KernelConfig) else source.place(diagnostic)


def located(source: ConfigSource, route: Route) -> Span | None:
    """Where a route leads in the text of a source; None if it has no text."""
    return None if isinstance(source, KernelConfig) else source.locate(route)


@contextmanager
def placing(source: ConfigSource) -> Generator[KernelConfig]:
    """Give the errors of a block the positions of a source; yields the config that is meant."""
    try:
        yield config_of(source)
    except KernelSchemaError as error:
        if isinstance(source, KernelConfig):
            raise
        diagnostics = [source.place(diagnostic) for diagnostic in error.diagnostics]
        raise type(error)(diagnostics) from error.__cause__
