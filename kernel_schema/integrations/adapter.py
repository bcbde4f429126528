"""A config for transformers: what `from_pretrained(kernel_config=...)` and the like take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_schema.checks.environment import registration_disabled
from kernel_schema.checks.selection import outside
from kernel_schema.diagnostics import LoweringError
from kernel_schema.files.read import opened
from kernel_schema.integrations.lifting import from_transformers
from kernel_schema.integrations.transformers import missing_transformers
from kernel_schema.schema.arguments import is_of

if TYPE_CHECKING:
    from collections.abc import Collection

    import transformers

    from kernel_schema.files.read import ConfigSource
    from kernel_schema.integrations.kernel_config import HandedKernelConfig


def as_transformers(
    config: ConfigSource | transformers.KernelConfig,
    *,
    strict: bool = True,
    ignore: Collection[str] = (),
    select: Collection[str] | None = None,
    compiled: bool = False,
) -> HandedKernelConfig:
    """Make a `transformers.KernelConfig` that does what a config says.

    Wherever transformers takes one, it takes this: `from_pretrained(kernel_config=)`,
    `model.set_use_kernels(True, ...)`, `pipeline(model_kwargs=)`, `model_init_kwargs` of TRL. One
    serves any number of models. Whenever transformers chooses kernels, after `.train()` and
    `.eval()` too, the config is held against the model and its kernels are put in place as
    `kernelize` does it, all or nothing; then transformers repeats what is there. What is inherited,
    its default table for one, is used as transformers uses it: where there is no build for this
    machine, the model's own forward stays.

    `model.kernel_config` is then an object of its own, with the `report` of the last time. Warnings
    go to the logger `kernel_schema`, each once for a model.

    Args:
        config: What is wanted, in any form of `ConfigSource`; a `transformers.KernelConfig`, which
            is lifted; or what this function gave before, for other options.
        strict: Raise where an entry that is meant for this device, capability and mode replaced
            nothing.
        ignore: Codes of checks to leave out, as for `check`. What makes it impossible to put
            kernels in place is raised all the same.
        select: Codes of checks to make, all if left out.
        compiled: The model will be compiled (`Trainer` with `torch_compile=True`), of which
            transformers tells nothing when it chooses: choose for torch.compile. A model that is
            compiled in place is known by itself.

    Returns:
        An object that never changes. As a dict it is what a JSON file of the config would hold.

    Raises:
        LoweringError: If transformers is not installed, or registers no layers beside the kernels
            that is (`incompatible-kernels-version`, `hub-kernels-disabled`), or if a code of
            `ignore` or `select` is none: no weights need be loaded to find that out.
        ConfigError: If a path or a mapping is given that is no config.
        TypeError: If it is none of what is taken.

    Handed to transformers, it raises what `kernelize` raises, and with a code of its own:

    - `hooked-module`: the model is offloaded by accelerate, whose hooks transformers would lose.
    - `kernel-needs-layout`: a kernel comes with a class that prepares the weights for it.
    - `not-applied`: it was assigned to `model.kernel_config`, which prepares nothing; or another
      mode was asked for by `set_use_kernels(mode=)`, of which transformers tells no config.

    >>> adapter = as_transformers({"RMSNorm": {"cuda": "org/repo:Norm", "cpu": "original"}})
    >>> adapter["kernel_mapping"]["RMSNorm"]["cuda"]
    'org/repo:Norm'
    """
    try:
        from kernel_schema.integrations import kernel_config
    except ImportError as error:
        raise missing_transformers(error) from error
    if (cause := registration_disabled()) is not None:
        raise LoweringError([cause])
    outside(ignore, select)  # whether these are codes
    options = kernel_config.Options(
        strict, tuple(ignore), None if select is None else tuple(select), compiled
    )
    source: Any = config
    if isinstance(config, kernel_config.HandedKernelConfig):
        source = config.source
    elif is_of(config, "transformers", "KernelConfig"):
        source = from_transformers(config)
    return kernel_config.HandedKernelConfig(opened(source), options)
