"""The arguments of commands as data; what several commands take stands here once."""

from __future__ import annotations

from argparse import ArgumentTypeError

from kernel_schema.limits import MAX_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from kernel_schema.diagnostics import Route
    from kernel_schema.files.document import Format


class Argument:
    """What `add_argument` of argparse takes; of a command's `exclusive` ones only one may stand."""

    def __init__(self, *names: str, exclusive: bool = False, **options: Any) -> None:
        self.names = names
        self.exclusive = exclusive
        self.options = options


class Command:
    """A command: its name, what the list of commands and its own help say of it, its arguments."""

    def __init__(
        self, name: str, summary: str, *arguments: Argument, description: str | None = None
    ) -> None:
        self.name = name
        self.summary = summary
        self.arguments = arguments
        sentence = f"{summary[0].upper()}{summary[1:]}."
        self.description = sentence if description is None else description


def flag(name: str, purpose: str, *others: str) -> Argument:
    """An option without a value."""
    return Argument(name, *others, action="store_true", help=purpose)


def codes_option(name: str, purpose: str, *, default: list[str] | None = None) -> Argument:
    """An option that takes codes: with commas, or one each time."""
    return Argument(
        name, type=codes, action="extend", default=default, metavar="CODE,...", help=purpose
    )


def model(
    purpose: str = "", *, required: bool = False, exclusive: bool = False
) -> tuple[Argument, Argument]:
    """`--model` and `--trust-remote-code`: where the one stands, so does the other."""
    spec = "module:attribute, a directory with a config.json, or a Hub id"
    described = f"{purpose}: {spec}" if purpose else spec
    trust = "run the code that comes with a model of a directory or the Hub"
    return (
        Argument("--model", metavar="SPEC", required=required, help=described, exclusive=exclusive),
        flag("--trust-remote-code", trust),
    )


def output_format(default: str, *others: str) -> Argument:
    """`--output-format`."""
    choices = (default, *others)
    purpose = f"how results are printed (default: {default})"
    return Argument("--output-format", choices=choices, default=default, help=purpose)


def codes(text: str) -> list[str]:
    """The codes of a list with commas; at least one."""
    listed = [code.strip() for code in text.split(",") if code.strip()]
    if not listed:
        raise ArgumentTypeError(f"invalid list of codes value: {text!r}")
    return listed


def pattern(text: str) -> str:
    """A pattern of files, which is not empty."""
    if not text:
        raise ArgumentTypeError(f"invalid pattern value: {text!r}")
    return text


def _size(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise ArgumentTypeError(f"invalid number of bytes value: {text!r}")
    return number


def _from_1_on(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"invalid number from 1 on value: {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"invalid number of seconds value: {text!r}")
    return number


def _route(text: str) -> Route:
    # Imported here: most calls state none.
    from kernel_schema.diagnostics import Route
    from kernel_schema.routes import RouteError

    try:
        return Route.parse(text)
    except RouteError as error:
        raise ArgumentTypeError(str(error)) from None


def _capability(text: str) -> int:
    # Imported here: most calls state none.
    from kernel_schema.schema.meant.capabilities import capability_in
    from kernel_schema.schema.vocabulary import LOWEST_LIKELY, MAX_CAPABILITY

    number = int(text) if text.isdecimal() and len(text) < len("10000") else -1
    if number == 0 or LOWEST_LIKELY <= number <= MAX_CAPABILITY:
        return number
    if number > 0:
        raise ArgumentTypeError(f"{text} means {number / 10}: {number}.0 is written {number}0")
    plain = "".join(text.split()).strip("()[]").replace(",", ".")
    meant = capability_in(plain)
    hint = "90 means 9.0" if meant is None else f"it is written {meant}"
    raise ArgumentTypeError(f"{text!r} is no capability: {hint}")


def fetch_target(text: str) -> str:
    """A target, or `all`."""
    return text if text == "all" else _build_target(text)


def _build_target(text: str) -> str:
    # Imported here: most calls state none.
    from kernel_schema.builds.variants import parse_target

    try:
        parse_target(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{error}, not {text!r}") from None
    return text


def _from_0_on(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ArgumentTypeError(f"invalid number from 0 on value: {text!r}")
    return number


# Tests hold these against their sources, which take longer to import than all of `--help`.
SHELLS: Final = ("bash", "zsh", "fish")
FORMATS: Final[tuple[Format, ...]] = ("yaml", "json", "toml")
DEVICES: Final = ("cpu", "cuda", "mps", "neuron", "npu", "rocm", "tpu", "xpu")
_MODES: Final = ("inference", "training", "inference_torch_compile", "training_torch_compile")
_READ_AS: Final = "how FILE is read, if its ending does not tell"
_AT_MOST: Final = f"refuse larger files (default: {MAX_BYTES})"

AT: Final = Argument(
    "--at",
    type=_route,
    metavar="ROUTE",
    help="where the config stands in a bigger file: trainer.kernels, or stages[0].kernels",
)
READING: Final = (
    AT,
    Argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="ROUTE=VALUE",
        help="what holds in the place of what the config and its bases say, and is YAML: "
        "kernel_mapping.RMSNorm=original; may be repeated",
    ),
    Argument("--format", choices=FORMATS, help=_READ_AS),
    Argument("--max-bytes", type=_size, default=MAX_BYTES, metavar="N", help=_AT_MOST),
)
_DEVICE: Final = Argument(
    "--device", choices=DEVICES, help="default: that of the model's parameters"
)
_MODE: Final = Argument("--mode", choices=_MODES, help="default: by the model's training state")
TARGET: Final = (
    _DEVICE,
    Argument(
        "--capability", type=_capability, metavar="N", help="compute capability: 90 means 9.0"
    ),
    _MODE,
)
_SIDE: Final[dict[str, dict[str, Any]]] = {
    "device": {"choices": DEVICES},
    "capability": {"type": _capability, "metavar": "N"},
    "mode": {"choices": _MODES},
}
SIDES: Final = tuple(
    Argument(f"--{side}-{name}", **options, help=f"--{name} of {side.upper()} alone")
    for side in ("old", "new")
    for name, options in _SIDE.items()
)
MEASURED: Final = (
    *model(required=True),
    Argument(
        "--inputs",
        metavar="module:attribute",
        help="what the model is run on: a tensor, a tuple of arguments, a dict of keyword "
        "arguments, or something to call that gives one; default: random token ids of the "
        "vocabulary, for a transformers model",
    ),
    flag("--every", "all layers of one name; default: the first, the middle and the last"),
    flag("--backward", "compare gradients of inputs and parameters too"),
    Argument(
        "--tolerance",
        type=_from_0_on,
        metavar="N",
        help="how much of the largest value a kernel may err; default: by dtype",
    ),
    Argument(
        "--seconds",
        type=_from_0_on,
        default=0.2,
        metavar="N",
        help="about how long each layer is timed, and the whole model twice as long (default: 0.2)",
    ),
    _DEVICE,
    _MODE,
)
"""What commands take that run a model."""
DEFAULTS: Final = Argument(
    "--defaults",
    choices=("transformers",),
    help="take it that the config inherits this table of kernels",
)
BUILD_TARGET: Final = Argument(
    "--target",
    type=_build_target,
    action="append",
    default=[],
    metavar="TARGET",
    help="what torch is built for there: torch2.13-cu130-x86_64-linux; may be repeated; default: "
    "as installed",
)
BISECTED: Final = (
    Argument("words", nargs="+", metavar="COMMAND", help="what judges, behind `--`"),
    *model(required=True),
    *TARGET[:2],
    Argument("--mode", choices=_MODES, help="default: every mode, as COMMAND chooses it"),
    DEFAULTS,
    Argument(
        "--timeout",
        type=_seconds,
        metavar="N",
        help="end a run after so many seconds, and take it for bad",
    ),
    Argument(
        "--repeat",
        type=_from_1_on,
        default=1,
        metavar="N",
        help="run each set of kernels up to N times, until it is bad: for what goes wrong now and "
        "then",
    ),
)
QUIET: Final = Argument("-q", "--quiet", action="store_true", help="say nothing but what is wrong")
OUTPUT: Final = Argument("-o", "--output", metavar="FILE", help="default: standard output")
