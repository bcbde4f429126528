"""The classes behind `as_transformers`: what is handed to transformers, and what stays on a model.

What they rely on, as seen in transformers 5.22.2, 5.23.0 and 5.24.0, where all of it is the same:

- `from_pretrained` goes through `kernel_config.kernel_mapping` before there is a model, loads what
  it names and assigns the attribute; then it calls `set_use_kernels`.
- `set_use_kernels` keeps the config as `model.kernel_config`, and only then calls its
  `sanitize_kernel_mapping` and `create_compatible_mapping`. `.train()` and `.eval()` call it
  without a config where they change the mode of a model with `use_kernels`.
- `kernelize` reads `model.kernel_config` anew: `use_local_kernel` first, `inherit_mapping`,
  `kernel_mapping`. It goes by `model.device` and `model.training`, and keeps the own forward where
  loading a kernel ends in a FileNotFoundError.
- `AutoModel.from_pretrained` deep-copies what it is given.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

import transformers

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.diagnostics import LoweringError, Severity, lowering_error
from kernel_schema.files.read import config_of
from kernel_schema.integrations.hindrances import refuse_hooked, refuse_layouts
from kernel_schema.integrations.lifting import lift
from kernel_schema.lowering.apply import put_in_place
from kernel_schema.lowering.check import check, refuse_errors
from kernel_schema.lowering.lower import repeating
from kernel_schema.lowering.restore import ONE_AT_A_TIME, Snapshot, keep_note_when_repeated
from kernel_schema.model.target import device_of, mode_of
from kernel_schema.schema.vocabulary import ModeName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_schema.choice.report import Report
    from kernel_schema.diagnostics import Diagnostic
    from kernel_schema.files.read import Opened
    from kernel_schema.schema.models import KernelConfig as Config

# Where a model keeps what was last applied to it, to be put back where another one is refused.
_APPLIED: Final = "_applied_kernel_config"
# True of every model that transformers kernelizes, and no matter: what it puts back is this config,
# and on other devices nothing is lost, since nobody else uses the mapping.
_NO_MATTER: Final = ("managed-by-transformers", "hides-inherited")
_LOGGER: Final = logging.getLogger("kernel_schema")


class Options(NamedTuple):
    """What `as_transformers` takes beside a config."""

    strict: bool = True
    ignore: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    compiled: bool = False


class HandedKernelConfig(transformers.KernelConfig, dict[str, Any]):
    """What is handed to transformers. It holds nothing of any model, and so serves many.

    It is a dict for those who write their options down: `TrainingArguments.to_json_string`.
    """

    def __init__(self, source: Opened, options: Options) -> None:
        dict[str, Any].__init__(self, config_of(source).model_dump())
        self.source = source
        self.options = options
        self.registered_layer_names: dict[str, str] = {}

    @property
    def config(self) -> Config:
        """The config that is meant."""
        return config_of(self.source)

    @property
    def kernel_mapping(self) -> dict[str, Any]:
        """Empty: without a model transformers must load nothing."""
        return {}

    @kernel_mapping.setter
    def kernel_mapping(self, value: dict[str, Any]) -> None:
        if value:
            raise _frozen()

    @property
    def use_local_kernel(self) -> bool:
        """Asked for by transformers' `kernelize`, which must not go on without a model's own."""
        raise lowering_error(
            "not-applied",
            "this config was assigned to `model.kernel_config`, which puts no kernel in place",
            "hand it over: `model.set_use_kernels(True, kernel_config)`",
        )

    @property
    def inherit_mapping(self) -> bool:
        """Whether the config keeps what is registered in kernels already."""
        return self.config.inherit_mapping

    def update_kernel(self, *_: Any, **__: Any) -> None:
        """Refuse to change: other models may have it too."""
        raise _frozen()

    def sanitize_kernel_mapping(self, model: Any) -> None:
        """Hold the config against a model, as `check` does.

        Raises:
            ModelCheckError: With everything that does not fit. A config that was applied to the
                model before is its `kernel_config` again, if this one had taken its place. One of
                transformers itself is not: that is gone from the model before anything is asked.
        """
        if model.kernel_config is self:
            model.kernel_config = model.__dict__.get(_APPLIED)
        refuse_hooked(model)
        ignore, select = self.options.ignore, self.options.select
        found = check(
            self.source,
            model,
            device=model.device,
            mode=self._stated_mode(model),
            ignore=ignore,
            select=select,
        )
        refuse_errors(found)

    def create_compatible_mapping(
        self,
        model: Any,
        compile: bool = False,  # noqa: FBT001, FBT002 (as transformers has it)
    ) -> None:
        """Leave on a model what transformers' `kernelize` will ask there.

        Args:
            model: The model; its `kernel_config` becomes an object of its own.
            compile: As `compiled` of `as_transformers`.
        """
        options = self.options._replace(compiled=compile or self.options.compiled)
        applied: Any = AppliedKernelConfig(self.source, options, model)
        applied.store_registered_layer_names(model)
        model.kernel_config = applied

    def _stated_mode(self, model: Any) -> ModeName | None:
        """The mode where the model will be compiled; None for that of the model as it is."""
        return mode_of(model, compiled=True) if self.options.compiled else None

    def __repr__(self) -> str:
        return f"as_transformers({self.config!r})"

    def __deepcopy__(self, memo: Any) -> HandedKernelConfig:
        return self  # it never changes

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        # The text of a document stays behind: a copy says where in a config, not where in a file.
        return _revived, (type(self), self.config, self.options)


for _change in (
    *("__setitem__", "__delitem__", "__ior__"),
    *("clear", "pop", "popitem", "setdefault", "update"),
):
    setattr(HandedKernelConfig, _change, HandedKernelConfig.update_kernel)


class KernelConfig(HandedKernelConfig):
    """`transformers.KernelConfig` with the same arguments, and all that `as_transformers` gives.

    Args:
        kernel_mapping: As in transformers, or as `kernel_schema.KernelConfig` takes it. An empty
            text stands for `original`, as transformers' documentation has it.
        use_local_kernel: Whether a text names a folder, and nothing is inherited.
        inherit_mapping: Whether layers and devices that are not named keep what is registered.

    Raises:
        ConfigError: With everything that is wrong with the mapping.
        LoweringError: As `as_transformers` does.

    >>> from kernel_schema.integrations.transformers import KernelConfig
    >>> KernelConfig({"RMSNorm": "kernels-community/layer_norm:LlamaRMSNorm", "SiLU": ""})
    as_transformers(...)
    """

    def __init__(
        self,
        kernel_mapping: Mapping[str, Any] | None = None,
        use_local_kernel: bool = False,  # noqa: FBT001, FBT002 (the arguments of transformers)
        inherit_mapping: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        if (cause := registration_disabled()) is not None:
            raise LoweringError([cause])
        config = lift(
            {} if kernel_mapping is None else kernel_mapping,
            use_local_kernel=use_local_kernel,
            inherit_mapping=inherit_mapping and not use_local_kernel,
        )
        super().__init__(config, Options())


class AppliedKernelConfig(HandedKernelConfig):
    """What stays on one model, and puts kernels in place whenever transformers is about to."""

    def __init__(self, source: Opened, options: Options, model: Any) -> None:
        super().__init__(source, options)
        self.report: Report | None = None
        self._model: Callable[[], Any] = ref(model)
        self._told: set[Diagnostic] = set()

    @property
    def kernel_mapping(self) -> dict[str, Any]:
        """What is in place on the model, in the form of kernels: transformers puts it in again."""
        model = self._need_model()
        device = device_of(model)
        # As transformers has it, and as it was chosen: they differ where a model is compiled.
        plain = ModeName.TRAINING if model.training else ModeName.INFERENCE
        modes = (plain, self.report and self.report.mode)
        mapping = {} if device is None else repeating(model, device, modes, _InOtherModes())
        return {layer_name: _OfOneModel(devices) for layer_name, devices in mapping.items()}

    @kernel_mapping.setter
    def kernel_mapping(self, value: dict[str, Any]) -> None:
        del value
        raise _frozen()

    @property
    def use_local_kernel(self) -> bool:
        """False; what transformers' `kernelize` asks for first, and so when kernels are chosen."""
        self._place(self._need_model())
        return False

    @property
    def inherit_mapping(self) -> bool:
        """False: what is inherited is in place already."""
        return False

    def _place(self, model: Any) -> None:
        options, before = self.options, model.__dict__.get(_APPLIED)
        try:
            refuse_hooked(model)
            with ONE_AT_A_TIME, Snapshot(model):
                report = put_in_place(
                    model,
                    self.source,
                    mode=self._stated_mode(model),
                    device=model.device,
                    strict=options.strict,
                    ignore=(*options.ignore, *_NO_MATTER),
                    select=options.select,
                    inherited_may_fail=True,
                )
                refuse_layouts(self.source, report, options.ignore, options.select)
        except BaseException:
            if before is not self and model.kernel_config is self:
                model.kernel_config = before
            raise
        keep_note_when_repeated(model)
        self.report = report
        model.__dict__[_APPLIED] = self
        self._tell(report)

    def _tell(self, report: Report) -> None:
        for diagnostic in report.diagnostics:
            if diagnostic not in self._told:
                self._told.add(diagnostic)
                error = diagnostic.severity is Severity.ERROR
                _LOGGER.log(logging.ERROR if error else logging.WARNING, "%s", diagnostic)

    def _need_model(self) -> Any:
        model = self._model()
        if model is None:
            raise _of_one_model()
        return model

    def __deepcopy__(self, memo: Any) -> HandedKernelConfig:
        copied = memo.get(id(self._model()))
        if copied is None:  # without its model
            return HandedKernelConfig(self.source, self.options)
        applied = AppliedKernelConfig(self.source, self.options, copied)
        applied.registered_layer_names = dict(self.registered_layer_names)
        return applied

    def __reduce__(self) -> tuple[Any, ...]:
        return (*super().__reduce__(), {"model": self._model()})

    def __setstate__(self, state: dict[str, Any]) -> None:
        model = state["model"]
        AppliedKernelConfig.__init__(self, self.source, self.options, model)


class _OfOneModel(dict[Any, Any]):
    """An entry of what is in place on a model; `from_pretrained` asks for its values alone."""

    def values(self) -> Any:
        raise _of_one_model()


class _InOtherModes:
    """Stands for the kernels of modes that are not in place: no config is told of `mode=`."""

    def load(self) -> Any:
        raise lowering_error(
            "not-applied",
            "`set_use_kernels(mode=)` asks for another mode than that of the model, of which "
            "transformers tells no config: what is in place is for the model as it is",
            "leave `mode=` out: call `model.train()` or `model.eval()` for that, and pass "
            "`compiled=True` to `as_transformers` where the model will be compiled",
        )


def _revived(cls: type[HandedKernelConfig], config: Config, options: Options) -> Any:
    revived = cls.__new__(cls)
    HandedKernelConfig.__init__(revived, config, options)
    return revived


def _frozen() -> AttributeError:
    return AttributeError("this config never changes, other models may have it: build another one")


def _of_one_model() -> LoweringError:
    return lowering_error(
        "not-applied",
        "this `kernel_config` belongs to one model, and cannot load another one",
        "pass `kernel_schema.as_transformers(model.kernel_config)`",
    )
