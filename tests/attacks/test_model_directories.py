"""`--model DIRECTORY` and `--model org/model` of a stranger: no code, no prompt, no network."""

from __future__ import annotations

import importlib.util
import io
import json
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("transformers", reason="it builds models from directories")

from kernel_schema.cli.main import main
from kernel_schema.integrations.models import build_model
from kernel_schema.integrations.sealed import SealedError, sealed
from kernel_schema.integrations.specs import ModelSpecError
from tests.attacks.model_repositories import CODE, serve_models
from tests.lowering.subprocesses import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = {"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 64}
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **SMALL}
MIXTRAL = {"model_type": "mixtral", "architectures": ["MixtralForCausalLM"], **SMALL}
LLAVA = {
    "model_type": "llava",
    "architectures": ["LlavaForConditionalGeneration"],
    "text_config": LLAMA,
    "vision_config": {"model_type": "clip_vision_model", "num_attention_heads": 4, **SMALL},
}
PAIR = {
    "model_type": "encoder-decoder",
    "architectures": ["EncoderDecoderModel"],
    "encoder": {"model_type": "bert", **SMALL, "num_attention_heads": 4},
    "decoder": {"model_type": "bert", **SMALL, "num_attention_heads": 4},
}
ATTENTION = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")
EXPERTS = ("experts_implementation", "_experts_implementation", "_experts_implementation_internal")
KERNELS = ("org/kernel", "org/kernel@main", "org/kernel:attend", "paged|org/kernel")
KERNELS += ("flash_attention_2", "flash_attention_3", "kernels-community/flash-attn2")


class Witness:
    """Sees what gets past the seal: Python asks hooks in their order, and a refusal ends it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.watching = False
        with sealed():
            pass
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self.watching and event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
            self.seen.append(f"{event} {details}")


WITNESS = Witness()


class Typed(io.StringIO):
    """Someone who says yes to everything, and whether they were asked."""

    asked = False

    def readline(self, *_: Any) -> str:
        self.asked = True
        return "y\n"


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Fail if the network is touched, a question asked, or code of the directory run."""
    monkeypatch.chdir(tmp_path)
    typed = Typed()
    monkeypatch.setattr(sys, "stdin", typed)
    WITNESS.seen.clear()
    WITNESS.watching = True
    yield
    WITNESS.watching = False
    assert WITNESS.seen == []
    assert not typed.asked
    assert sys.stdin is typed


def directory(path: Path, stated: Any) -> str:
    """A model directory that brings code along."""
    (path / "model").mkdir()
    (path / "model" / "config.json").write_text(json.dumps(stated))
    (path / "model" / "evil.py").write_text(f"open({str(path / 'it-ran')!r}, 'w').close()\n{CODE}")
    return "./model"


def implementations(model: Any) -> set[tuple[str, str]]:
    configs = [module.config for module in model.modules() if hasattr(module, "config")]
    return {(one._attn_implementation, one._experts_implementation) for one in configs}


@pytest.mark.parametrize("kernel", [*KERNELS, "flex_attention", {"": "org/kernel"}, 5, ["a/b"]])
@pytest.mark.parametrize("key", ATTENTION)
def test_attention_is_that_of_transformers(tmp_path: Path, key: str, kernel: Any) -> None:
    model = build_model(directory(tmp_path, LLAMA | {key: kernel}))
    assert implementations(model) == {("eager", "eager")}


@pytest.mark.parametrize("kernel", ["deepgemm", "sonicmoe", "org/kernel", {"": "org/kernel"}])
@pytest.mark.parametrize("key", EXPERTS)
def test_so_are_experts(tmp_path: Path, key: str, kernel: Any) -> None:
    model = build_model(directory(tmp_path, MIXTRAL | {key: kernel}))
    assert implementations(model) == {("eager", "eager")}


@pytest.mark.parametrize("key", ATTENTION)
@pytest.mark.parametrize("stated", [LLAVA, PAIR], ids=["llava", "pair"])
def test_also_of_the_parts_of_a_model(tmp_path: Path, stated: dict[str, Any], key: str) -> None:
    inner = {
        name: value | {key: "org/kernel"} if isinstance(value, dict) else value
        for name, value in stated.items()
    }
    inner |= {key: {"": "org/kernel", "text_config": "org/kernel", "encoder": "a/b"}}
    model = build_model(directory(tmp_path, inner))
    assert implementations(model) == {("eager", "eager")}


@pytest.mark.parametrize(
    "alias", [{"_attn_implementation_internal": "other"}, {"_attn_implementation": "other"}]
)
def test_no_other_name_leads_past_it(tmp_path: Path, alias: dict[str, str]) -> None:
    stated = LLAMA | {"attribute_map": alias, "other": "org/kernel"}
    assert implementations(build_model(directory(tmp_path, stated))) == {("eager", "eager")}


@pytest.mark.parametrize(
    "references",
    [
        {"AutoConfig": "evil.Config"},
        {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
        {"AutoConfig": "org/repo--evil.Config", "AutoModel": "org/repo--evil.Model"},
    ],
)
def test_code_is_not_run_and_the_way_to_run_it_is_told(
    tmp_path: Path, references: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    stated = {"model_type": "evil", "architectures": ["Model"], "auto_map": references}
    spec = directory(tmp_path, stated)
    assert main(["layers", "--model", spec]) == 2
    error = capsys.readouterr().err
    assert "it comes with code of its own, in `auto_map`: pass --trust-remote-code" in error
    assert not (tmp_path / "it-ran").exists()


def test_code_that_is_not_needed_is_left_alone(tmp_path: Path) -> None:
    references = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "org/repo--evil.Model"}
    model = build_model(directory(tmp_path, LLAMA | {"auto_map": references}))
    assert type(model).__module__.startswith("transformers.")
    assert not (tmp_path / "it-ran").exists()


def test_nor_is_code_of_a_part_run(tmp_path: Path) -> None:
    part = {
        "model_type": "vit",
        "auto_map": {"AutoModelForCausalLM": "evil.Model"},
        "name_or_path": str(tmp_path / "model"),
    }
    with pytest.raises(ModelSpecError, match="transformers cannot build it"):
        build_model(directory(tmp_path, PAIR | {"decoder": part}))
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("model_type", ["dpt", "rt_detr", "maskformer"])
@pytest.mark.parametrize(
    "backbone",
    [
        {"backbone": "org/backbone"},
        {"backbone": "org/backbone", "use_timm_backbone": False},
        {"backbone": "resnet50", "use_timm_backbone": True, "use_pretrained_backbone": True},
    ],
)
def test_what_wants_the_network_is_told(
    tmp_path: Path,
    model_type: str,
    backbone: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    spec = directory(tmp_path, {"model_type": model_type, **backbone})
    told = f"over the network, which is closed to it: .*`backbone: {backbone['backbone']}`"
    with pytest.raises(ModelSpecError, match=told):
        build_model(spec)


@pytest.mark.parametrize(
    "more",
    [
        {"quantization_config": {"quant_method": method, "bits": 4}}
        for method in ("gptq", "awq", "fp8", "mxfp4", "eetq", "quanto", "metal")
    ]
    + [
        {"_name_or_path": "org/other", "name_or_path": "org/other"},
        {"gguf_file": "https://example.invalid/model.gguf"},
        {"peft_config": {"base_model_name_or_path": "org/other"}},
        {"architectures": ["pipeline", "AutoModel", "__dict__", 5, "LlamaForCausalLM"]},
        {"architectures": "LlamaForCausalLM"},
        {
            "_attn_implementation": "org/kernel",
            "use_kernels": True,
            "kernel_config": {"A": "b/c:A"},
        },
    ],
)
def test_what_else_a_config_may_hold(tmp_path: Path, more: dict[str, Any]) -> None:
    assert build_model(directory(tmp_path, LLAMA | more)).training is False


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "no JSON object"),
        ("{", "its config.json cannot be read"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "RecursionError"),
        ('{"model_type": ' + "9" * 5000 + "}", "ValueError"),
        ("\xff", "UnicodeDecodeError"),
        (" " * 10_000_001, "larger than 10000000 bytes"),
        ('{"configuration_files": ["config.4.0.0.json"]}', "refers to other files"),
        ('{"model_type": ["llama"]}', "transformers cannot build it"),
        ('{"model_type": "nothing"}', "transformers cannot build it"),
        ("{}", "Unrecognized model in model"),
        ('{"model_type": "llama", "dtype": "load"}', "transformers cannot build it"),
        ('{"model_type": "llama", "auto_map": 5, "dtype": "load"}', "code of its own"),
        ('{"model_type": "llama", "architectures": 5}', "transformers cannot build it"),
    ],
)
def test_what_is_no_config(tmp_path: Path, content: str, said: str) -> None:
    spec = directory(tmp_path, {})
    (tmp_path / "model" / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelSpecError, match=said):
        build_model(spec)


def test_with_the_flag_code_of_the_directory_runs_and_still_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    references = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    stated = {"model_type": "evil", "architectures": ["Model"], "auto_map": references}
    stated |= {"_attn_implementation": "org/kernel"}
    model = build_model(directory(tmp_path, stated), trust_remote_code=True)
    assert type(model).__name__ == "Model"
    assert implementations(model) == {("eager", "eager")}
    assert (tmp_path / "it-ran").exists()


@pytest.mark.parametrize(
    "references",
    [
        {"AutoConfig": "org/repo--evil.Config"},
        {"AutoConfig": "evil.Config", "AutoModel": "org/repo--evil.Model"},
    ],
)
def test_with_the_flag_a_directory_gets_no_network(
    tmp_path: Path, references: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    spec = directory(tmp_path, {"model_type": "evil", "auto_map": references})
    with pytest.raises(ModelSpecError, match=r"over the network.* for `Auto.*: org/repo--evil"):
        build_model(spec, trust_remote_code=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "k.yaml"],
        ["explain", "k.yaml", "--device", "cpu"],
        ["layers"],
        ["init"],
        ["diff", "k.yaml", "k.yaml", "--device", "cpu"],
        ["schema"],
        ["attach", "k.yaml"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_with_a_model_has_the_flag(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "k.yaml").write_text("kernel_mapping: {Norm: org/repo:Norm}\n")
    references = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    stated = {"model_type": "evil", "architectures": ["Model"], "auto_map": references}
    call = [*arguments, "--model", directory(tmp_path, stated)]
    assert main(call) == 2
    assert "--trust-remote-code" in capsys.readouterr().err
    assert not (tmp_path / "it-ran").exists()
    assert main([*call, "--trust-remote-code"]) == 0
    assert (tmp_path / "it-ran").exists()


class TestTheSeal:
    def test_no_connection_is_made_and_no_name_looked_up(self) -> None:
        attempts = {
            "hub.invalid": lambda: socket.getaddrinfo("hub.invalid", 443),
            "b.invalid": lambda: socket.gethostbyname("b.invalid"),
            "127.0.0.1": lambda: socket.create_connection(("127.0.0.1", 9)),
            "127.0.0.2": lambda: unused.connect_ex(("127.0.0.2", 9)),
        }
        with sealed() as seal, socket.socket() as unused:
            for host, attempt in attempts.items():
                with pytest.raises(SealedError, match=f"asks {host} over the network"):
                    attempt()
        assert len(seal.refused) == len(attempts)

    def test_no_code_is_run_from_elsewhere(self, tmp_path: Path) -> None:
        (tmp_path / "kernel.py").write_text("DONE = 1\n")
        spec = importlib.util.spec_from_file_location("ks_kernel", tmp_path / "kernel.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        with sealed(), pytest.raises(SealedError, match=r"kernel\.py, which is not on the import"):
            spec.loader.exec_module(module)
        assert not hasattr(module, "DONE")
        with sealed(code=True):
            spec.loader.exec_module(module)
        assert module.DONE == 1

    def test_it_is_lifted_whatever_happens(self) -> None:
        with pytest.raises(ZeroDivisionError), sealed():
            raise ZeroDivisionError
        WITNESS.watching = False
        with socket.socket() as unused:
            # It may be refused by the system, and by nobody else.
            assert unused.connect_ex(("127.0.0.1", 9)) >= 0


@pytest.mark.slow
def test_the_hub_is_asked_for_the_config_and_nothing_else(tmp_path: Path) -> None:
    kernel = {"attn_implementation": "org/kernel", "_attn_implementation": "org/kernel"}
    evil = {"model_type": "evil", "architectures": ["Model"]}
    own = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    files = {
        "org/model": {"config.json": json.dumps(LLAMA | kernel)},
        "org/code": {"config.json": json.dumps(evil | {"auto_map": own}), "evil.py": CODE},
        "org/dpt": {"config.json": json.dumps({"model_type": "dpt", "backbone": "org/model"})},
    }
    with serve_models(files) as (endpoint, requests):

        def layers(*arguments: str) -> tuple[int, str, list[str]]:
            requests.clear()
            home = str(tmp_path / "home")
            done = run_python(
                *("-m", "kernel_schema", "layers", "--model", *arguments),
                HF_ENDPOINT=endpoint,
                HF_HOME=home,
                HF_HUB_OFFLINE="0",
            )
            return done.returncode, done.stdout + done.stderr, list(requests)

        config = "resolve/main/config.json"
        code, said, asked = layers("org/model")
        assert (code, asked) == (0, [f"{how} /org/model/{config}" for how in ("HEAD", "GET")])
        assert "RMSNorm: 3 modules" in said
        code, said, asked = layers("org/code")
        assert (code, asked) == (2, [f"{how} /org/code/{config}" for how in ("HEAD", "GET")])
        assert "pass --trust-remote-code" in said
        code, said, asked = layers("org/dpt")
        assert (code, asked) == (2, [f"{how} /org/dpt/{config}" for how in ("HEAD", "GET")])
        assert "`backbone: org/model`" in said
        code, said, asked = layers("org/missing")
        assert (code, asked) == (2, [f"HEAD /org/missing/{config}"])
        assert "there is no such directory" in said
        code, said, asked = layers("org/code", "--trust-remote-code")
        assert code == 0
        assert "Norm: 1 module" in said
        assert "GET /org/code/resolve/main/evil.py" in asked
