"""A config as a field of somebody else's, read by the library that they read it with.

Of each library: what its users write is a field, from a file and from the command line; every
mistake reaches them in our words; and what was read is written back. Nothing stands in for any.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import pytest
import yaml
from pydantic import BaseModel, ValidationError

import kernel_schema as ks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RIGHT: dict[str, Any] = {
    "kernel_mapping": {
        "RMSNorm": {"kernel": "org/repo:Norm", "version": 3, "trust_remote_code": ["org/repo"]},
        "SiLU": {
            "cuda": [
                {"min_capability": 90, "kernel": "org/repo:New"},
                {"max_capability": 89, "inference": "org/repo:Old"},
            ],
            "cpu": "original",
        },
    },
    "inherit_mapping": False,
}
WRONG: dict[str, Any] = {
    "kernel_mapping": {
        "RMSNorm": "org/repo",
        "SiLU": {"cdua": "org/repo:Silu", "cuda": [{"min_capability": "new", "kernel": "o/r:L"}]},
    },
    "inherit_mapping": "no",
}
CONFIG = ks.KernelConfig.model_validate(RIGHT)
MISTAKES = {
    "kernel_mapping.RMSNorm": "`org/repo` names no layer",
    "kernel_mapping.SiLU.cdua": "`cdua` is not a device",
    "kernel_mapping.SiLU.cuda[0].min_capability": '`"new"` is not a capability',
    "inherit_mapping": '`"no"` is neither true nor false for `inherit_mapping`',
}


@pytest.fixture
def training(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Writes a config of ours into the config of a training; gives the path of that."""

    def write(kernels: dict[str, Any]) -> str:
        path = tmp_path / "training.yaml"
        path.write_text(yaml.safe_dump({"lr": 0.2, "kernels": kernels}), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def wrong_file(tmp_path: Path) -> str:
    path = tmp_path / "kernels.yaml"
    path.write_text(yaml.safe_dump(WRONG), encoding="utf-8")
    return str(path)


def check_mistakes(
    error: BaseException | None, outer: str = "", mistakes: dict[str, str] = MISTAKES
) -> None:
    """All of them, each at its route and in our words."""
    assert isinstance(error, ValidationError)
    told = {
        str(d.route): d.message for d in ks.ConfigError.from_validation_error(error).diagnostics
    }
    assert told.keys() == {outer + route for route in mistakes}
    for route, message in mistakes.items():
        assert told[outer + route].startswith(message)
    check_words(str(error), mistakes)


def check_words(text: str, mistakes: dict[str, str] = MISTAKES) -> None:
    """All of them are in what a library prints, whatever it wraps lines to or draws around them."""
    words = re.sub(r"[\s│]+", " ", text)
    for message in mistakes.values():
        assert message in words


class TestPydantic:
    class Training(BaseModel):
        lr: float
        kernels: ks.KernelConfig = ks.KernelConfig()

    def test_right(self) -> None:
        text = json.dumps({"lr": 0.2, "kernels": RIGHT})
        training = self.Training.model_validate_json(text)
        assert training.kernels == CONFIG
        assert json.loads(training.model_dump_json()) == json.loads(text)
        assert self.Training.model_validate(training.model_dump()) == training
        assert self.Training(lr=0.2).kernels == ks.KernelConfig()

    def test_wrong(self) -> None:
        with pytest.raises(ValidationError) as caught:
            self.Training.model_validate({"lr": 0.2, "kernels": WRONG})
        check_mistakes(caught.value, "kernels.")

    def test_beside_mistakes_of_the_user(self) -> None:
        with pytest.raises(ValidationError) as caught:
            self.Training.model_validate({"lr": "fast", "kernels": {"kernel_mapping": {"A": 1}}})
        diagnostics = ks.ConfigError.from_validation_error(caught.value).diagnostics
        assert {str(found.route): found.code for found in diagnostics} == {
            "lr": "float_parsing",
            "kernels.kernel_mapping.A": "invalid-entry",
        }

    def test_dataclass_of_pydantic(self) -> None:
        @pydantic.dataclasses.dataclass
        class Training:
            kernels: ks.KernelConfig

        assert Training(kernels=RIGHT).kernels == CONFIG  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValidationError) as caught:
            Training(kernels=WRONG)  # pyright: ignore[reportArgumentType]
        check_mistakes(caught.value, "kernels.")


class TestPydanticSettings:
    @pytest.fixture
    def settings(self) -> Any:
        library = pytest.importorskip("pydantic_settings")

        class Settings(library.BaseSettings):
            model_config = library.SettingsConfigDict(env_prefix="TRAIN_")
            lr: float = 0.1
            kernels: ks.KernelConfig = ks.KernelConfig()

        return Settings

    def test_right(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        assert settings().kernels == ks.KernelConfig()
        monkeypatch.setenv("TRAIN_KERNELS", json.dumps(RIGHT))
        assert settings().kernels == CONFIG
        assert settings().model_dump()["kernels"] == RIGHT

    def test_wrong(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRAIN_KERNELS", json.dumps(WRONG))
        with pytest.raises(ValidationError) as caught:
            settings()
        check_mistakes(caught.value, "kernels.")

    def test_command_line(self, settings: Any) -> None:
        from pydantic_settings import CliApp

        read = CliApp.run(settings, cli_args=["--kernels", json.dumps(RIGHT)])
        assert read.kernels == CONFIG
        with pytest.raises(ValidationError) as caught:
            CliApp.run(settings, cli_args=["--kernels", json.dumps(WRONG)])
        check_mistakes(caught.value, "kernels.")


@dataclass
class Unvalidated:
    lr: float = 0.1
    kernels: ks.KernelConfig = field(default_factory=ks.KernelConfig)


@dataclass
class Validated:
    lr: float = 0.1
    kernels: ks.KernelConfig = field(default_factory=ks.KernelConfig)

    def __post_init__(self) -> None:
        self.kernels = ks.KernelConfig.model_validate(self.kernels)


@dataclass
class FromFile:
    kernels: str
    lr: float = 0.1

    def __post_init__(self) -> None:
        self.config = ks.load(self.kernels)


def by_transformers(kind: Any, path: str) -> Any:
    (read,) = pytest.importorskip("transformers").HfArgumentParser(kind).parse_yaml_file(path)
    return read


def by_trl(kind: Any, path: str) -> Any:
    parser = pytest.importorskip("trl").TrlParser(kind)
    (read,) = parser.parse_args_and_config(["--config", path])
    return read


@pytest.mark.parametrize("parse", [by_transformers, by_trl])
class TestParsersOfHuggingFace:
    def test_right(self, parse: Any, training: Callable[[dict[str, Any]], str]) -> None:
        read = parse(Validated, training(RIGHT))
        assert read == Validated(0.2, CONFIG)
        assert dataclasses.asdict(read)["kernels"].model_dump() == RIGHT

    def test_wrong(self, parse: Any, training: Callable[[dict[str, Any]], str]) -> None:
        with pytest.raises(ValidationError) as caught:
            parse(Validated, training(WRONG))
        check_mistakes(caught.value)

    def test_without_the_two_lines(
        self, parse: Any, training: Callable[[dict[str, Any]], str]
    ) -> None:
        """Why they are needed: the parsers look at no value of a file."""
        assert parse(Unvalidated, training(WRONG)).kernels == WRONG


def test_a_file_on_the_command_line_of_transformers(tmp_path: Path, wrong_file: str) -> None:
    parser = pytest.importorskip("transformers").HfArgumentParser(FromFile)
    right = str(tmp_path / "right.yaml")
    ks.dump(CONFIG, right)
    (read,) = parser.parse_args_into_dataclasses(["--kernels", right])
    assert read.config == CONFIG
    with pytest.raises(ks.ConfigError) as caught:
        parser.parse_args_into_dataclasses(["--kernels", wrong_file])
    check_words(str(caught.value))


class TestTyro:
    @pytest.fixture
    def parse(self) -> Callable[[list[str]], Any]:
        tyro = pytest.importorskip("tyro")
        spec = tyro.constructors.PrimitiveConstructorSpec(
            nargs=1,
            metavar="FILE",
            instance_from_str=lambda paths: ks.load(paths[0]),
            is_instance=lambda value: isinstance(value, ks.KernelConfig),
            str_from_instance=lambda config: [ks.dumps(config, format="json")],
        )

        def main(kernels: Any = ks.KernelConfig(), lr: float = 0.1) -> Any:  # noqa: B008 (frozen)
            return Validated(lr, kernels)

        main.__annotations__["kernels"] = Annotated[ks.KernelConfig, spec]
        return lambda arguments: tyro.cli(main, args=arguments)

    def test_right(self, parse: Any, tmp_path: Path) -> None:
        path = tmp_path / "kernels.toml"
        ks.dump(CONFIG, path)
        assert parse(["--kernels", str(path), "--lr", "0.2"]) == Validated(0.2, CONFIG)
        assert parse([]).kernels == ks.KernelConfig()

    def test_wrong(self, parse: Any, wrong_file: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse(["--kernels", wrong_file])
        check_words(capsys.readouterr().err)

    def test_no_such_file(self, parse: Any, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse(["--kernels", "nowhere.yaml"])
        assert "there is no such file" in re.sub(r"[\s│]+", " ", capsys.readouterr().err)

    def test_a_default_that_is_not_on_the_command_line(self) -> None:
        """tyro makes the config anew, of its fields by alias: `$schema` is None among them."""
        tyro = pytest.importorskip("tyro")
        default = Unvalidated(kernels=CONFIG)
        assert tyro.cli(Unvalidated, args=["--lr", "0.2"], default=default) == Unvalidated(
            0.2, CONFIG
        )


class TestJsonargparse:
    @dataclass
    class Training:
        kernels: ks.KernelConfig
        lr: float = 0.1

    @pytest.fixture
    def parser(self) -> Any:
        parser = pytest.importorskip("jsonargparse").ArgumentParser(exit_on_error=False)
        parser.add_argument("--config", action="config")
        parser.add_class_arguments(self.Training)
        return parser

    def test_right(self, parser: Any, training: Callable[[dict[str, Any]], str]) -> None:
        read = parser.parse_args(["--config", training(RIGHT)])
        assert parser.instantiate(read).kernels == CONFIG
        written = yaml.safe_load(parser.dump(read))
        assert written == {"lr": 0.2, "kernels": RIGHT}

    def test_command_line(self, parser: Any, tmp_path: Path) -> None:
        path = tmp_path / "kernels.yaml"
        ks.dump(CONFIG, path)
        for value in (str(path), json.dumps(RIGHT)):
            assert parser.instantiate(parser.parse_args(["--kernels", value])).kernels == CONFIG
        mapping = ["--kernels.kernel_mapping", json.dumps(RIGHT["kernel_mapping"])]
        read = parser.instantiate(parser.parse_args(mapping)).kernels
        assert read.kernel_mapping == CONFIG.kernel_mapping

    def test_wrong(self, parser: Any, training: Callable[[dict[str, Any]], str]) -> None:
        wrong = {"kernel_mapping": WRONG["kernel_mapping"]}
        mistakes = {**MISTAKES}
        beside = mistakes.pop("inherit_mapping")
        read = parser.parse_args(["--config", training(wrong)])
        with pytest.raises(ValidationError) as caught:
            parser.instantiate(read)
        check_mistakes(caught.value, mistakes=mistakes)
        # What stands beside the mapping, it looks at before: it knows what a bool is.
        with pytest.raises(argparse.ArgumentError, match=re.escape(beside)):
            parser.parse_args(["--config", training(WRONG)])


class TestDraccus:
    @pytest.fixture
    def draccus(self) -> Any:
        draccus = pytest.importorskip("draccus")
        draccus.decode.register(ks.KernelConfig, lambda raw, path: ks.KernelConfig(**raw))
        draccus.encode.register(ks.KernelConfig, ks.KernelConfig.model_dump)
        return draccus

    def test_right(self, draccus: Any, training: Callable[[dict[str, Any]], str]) -> None:
        read = draccus.parse(Unvalidated, training(RIGHT), args=[])
        assert read == Unvalidated(0.2, CONFIG)
        assert yaml.safe_load(draccus.dump(read)) == {"lr": 0.2, "kernels": RIGHT}
        arguments = ["--kernels", json.dumps(RIGHT)]
        assert draccus.parse(Unvalidated, args=arguments).kernels == CONFIG

    def test_wrong(self, draccus: Any, training: Callable[[dict[str, Any]], str]) -> None:
        with pytest.raises(draccus.utils.DecodingError, match=r"^`kernels`: ") as caught:
            draccus.parse(Unvalidated, training(WRONG), args=[])
        check_words(str(caught.value))
        check_mistakes(caught.value.__cause__)


class TestOmegaConf:
    @pytest.fixture
    def omegaconf(self) -> Any:
        return pytest.importorskip("omegaconf")

    def test_right(self, omegaconf: Any, training: Callable[[dict[str, Any]], str]) -> None:
        whole = omegaconf.OmegaConf.load(training(RIGHT))
        omegaconf.OmegaConf.set_readonly(whole, value=True)
        omegaconf.OmegaConf.set_struct(whole, value=True)
        assert ks.KernelConfig.model_validate(whole.kernels) == CONFIG
        assert ks.KernelConfig(**whole.kernels) == CONFIG
        assert not ks.check(whole.kernels)
        # What is kept is plain: nothing of the library is left in it.
        assert ks.KernelConfig.model_validate(whole.kernels).model_dump() == RIGHT
        assert omegaconf.OmegaConf.create(CONFIG.model_dump()) == RIGHT

    def test_interpolation(self, omegaconf: Any) -> None:
        mapping = {"A": "org/repo@${revision}:L", "B": "${kernel_mapping.A}"}
        whole = omegaconf.OmegaConf.create({"revision": "main", "kernel_mapping": mapping})
        read = ks.KernelConfig(whole.kernel_mapping).model_dump()
        assert read == {"kernel_mapping": dict.fromkeys("AB", "org/repo@main:L")}

    def test_wrong(self, omegaconf: Any, training: Callable[[dict[str, Any]], str]) -> None:
        whole = omegaconf.OmegaConf.load(training(WRONG))
        with pytest.raises(ValidationError) as caught:
            ks.KernelConfig.model_validate(whole.kernels)
        check_mistakes(caught.value)

    def test_shapes_that_are_none(self, omegaconf: Any) -> None:
        """Its lists and tables are lists and tables, in what we say of them too."""
        mapping = {"A": [], "B": {}, "C": ["org/repo:L"], "D": {"cuda": {"gpu": "org/repo:L"}}}
        told: list[Any] = []
        for values in (mapping, omegaconf.OmegaConf.create(mapping)):
            with pytest.raises(ValidationError) as caught:
                ks.KernelConfig(values)
            told.append(ks.ConfigError.from_validation_error(caught.value).diagnostics)
        assert told[0] == told[1]


class TestHydra:
    TARGET = {"_target_": "kernel_schema.KernelConfig"}  # noqa: RUF012 (never changed)

    @pytest.fixture
    def compose(self, training: Callable[[dict[str, Any]], str], tmp_path: Path) -> Any:
        hydra = pytest.importorskip("hydra")

        def composed(kernels: dict[str, Any], *overrides: str) -> Any:
            training(self.TARGET | kernels)
            with hydra.initialize_config_dir(str(tmp_path), version_base=None):
                return hydra.compose("training", overrides=[*overrides])

        return composed

    def test_right(self, compose: Any) -> None:
        from hydra.utils import instantiate

        assert instantiate(compose(RIGHT)).kernels == CONFIG
        for convert in ("all", "object", "partial"):
            assert instantiate(compose(RIGHT), _convert_=convert)["kernels"] == CONFIG

    def test_overrides(self, compose: Any) -> None:
        from hydra.utils import instantiate

        whole = compose(
            RIGHT,
            "kernels.kernel_mapping.RMSNorm='org/repo@v4:Norm'",
            "+kernels.kernel_mapping.GELU=original",
            "~kernels.kernel_mapping.SiLU",
        )
        assert instantiate(whole.kernels).model_dump()["kernel_mapping"] == {
            "RMSNorm": "org/repo@v4:Norm",
            "GELU": "original",
        }

    def test_wrong(self, compose: Any) -> None:
        from hydra.errors import InstantiationException
        from hydra.utils import instantiate

        with pytest.raises(InstantiationException, match="full_key: kernels") as caught:
            instantiate(compose(WRONG))
        check_words(str(caught.value))
        check_mistakes(caught.value.__cause__)


def test_an_error_has_its_text_as_its_argument() -> None:
    """As errors of Python have: tyro, and whoever else reads `args`, prints that."""
    with pytest.raises(ks.ConfigError) as caught:
        ks.loads(json.dumps(WRONG), format="json")
    assert caught.value.args == (str(caught.value),)


def test_schema_that_is_not_stated() -> None:
    config = ks.KernelConfig({"A": "org/repo:L"}, **{"$schema": None})
    assert config == ks.KernelConfig({"A": "org/repo:L"})
    assert "$schema" not in config.model_dump()
    with pytest.raises(ValidationError, match="`null` is not a string"):
        ks.KernelConfig.model_validate({"$schema": None, "kernel_mapping": {}})
