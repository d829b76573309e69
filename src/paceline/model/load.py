"""Loading of models and tokenizers, in this file only."""

import contextlib
import copy
import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from .. import hub
from ..errors import ConfigError, UserError, first_line, machine_short
from ..settings import LoraConfig, Quantisation
from . import tiny
from .classifier import (
    classifier_class,
    compute_head_exactly,
    head_read_exactly,
    keep_first_layers,
)
from .files import telling_of_the_disk, without_progress_bars
from .peft_folder import adapt_as
from .policy import Policy
from .quantised import loading, quantise, take_over
from .shapes import shape_of
from .source import CAUSAL_CLASS, Source, how_to_convert
from .supported import check_finite, check_scores, refuse_changing_rope, refuse_experts
from .template import check_tokenizer, stop_token_ids


def cache_dir() -> Path:
    """The cache folder: PACELINE_CACHE, or `paceline` in the user's cache directory."""
    if chosen := os.environ.get("PACELINE_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "paceline"


def converted(gguf: str) -> Path:
    """The Hugging Face folder made from a GGUF file: made once, and found again by name, size and
    time.

    It is written to a temporary folder and renamed, so that a conversion cut short is never taken
    for one.
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
    """Load the tokenizer, with a chat template, a stop token and a pad token, or raise ConfigError.

    Args:
        chat_template: None for the tokenizer's own; "plain" for prompts without any markup (base
            models); otherwise the path of a Jinja template.
    """
    if source.kind == "tiny":
        tokenizer: Any = tiny.tokenizer()
    else:
        from transformers import AutoTokenizer

        try:
            with _patient(source):
                tokenizer = AutoTokenizer.from_pretrained(
                    loadable_name(source), trust_remote_code=False
                )
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
    lora: LoraConfig | None = None,
    quantisation: Quantisation = "none",
    offload: bool = False,
) -> Policy:
    """Load the model as a policy.

    In 16 bits a policy that will be trained keeps fp32 masters of what learns: at a learning rate
    of 1e-6 bf16 weights alone would lose most updates. All weights are read from the file in fp32
    for it; those under adapters are read in their own dtype.

    Args:
        seed: decides the first numbers of new adapters, and the weights of the tiny model.
        lora: the adapters to train, or to compute with; None trains all weights.
        quantisation: the form in which weights that are not trained are kept.
        offload: keep masters in the host's memory, for an optimizer that steps there.

    Raises: ConfigError for files that cannot be read, a model that cannot be trained, or an adapter
        that does not fit it.
    """
    whole = lora is None or not lora.on
    own = torch.float32 if train and whole and quantisation == "none" else dtype
    with without_progress_bars():
        module = _module(source, own, seed, quantisation, device)
    form = take_over(module)
    form = quantisation if form == "none" else form
    if train and whole and form != "none":
        raise ConfigError(
            f"The weights of '{source.name}' are quantised ({form}), and such weights cannot "
            "be trained; train adapters on them, with lora.rank=16."
        )
    refuse_experts(module, source)
    _switch_off_dropout(module)
    if lora is not None and lora.on:
        adapt_as(module, lora, seed)
    masters = settled(module, dtype, device, masters=train, offload=offload)
    module.config.dtype = dtype
    stops = stop_token_ids(tokenizer, module.config, module.generation_config)
    policy = Policy(module, tokenizer, stops, masters=masters)
    check_finite(policy, source)
    check_scores(policy, source)
    return policy


def settled(
    module: Any,
    dtype: torch.dtype,
    device: torch.device | str,
    *,
    masters: bool,
    offload: bool,
) -> dict[str, torch.Tensor] | None:
    """Bring a module to a device, and its parameters that learn to a dtype.

    Returns: their fp32 masters by name, in the host's memory with `offload`; None if they are not
        asked for, or if the parameters themselves are in fp32.
    """
    exact = _lowered(module, dtype)
    module.to(device)
    if masters and offload:
        return on_host(exact, device)
    if masters and dtype != torch.float32:
        return {name: master.to(device) for name, master in exact.items()}
    return None


def _lowered(module: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Bring the parameters that learn to `dtype`; returns their values as they were, by name."""
    masters = {n: p.detach() for n, p in module.named_parameters() if p.requires_grad}
    for parameter in module.parameters():  # parameters only: rotary frequencies stay fp32
        if parameter.requires_grad:
            parameter.data = parameter.detach().to(dtype)
    return masters


def on_host(
    masters: Mapping[str, torch.Tensor], device: torch.device | str
) -> dict[str, torch.Tensor]:
    """Copies of masters in the host's memory, in one block: of pinned memory torch takes a power of
    two for each block, which for many of them would be half as much again."""
    sizes = [master.numel() for master in masters.values()]
    block = torch.empty(sum(sizes), pin_memory=torch.device(device).type == "cuda")
    pieces = zip(masters.items(), block.split(sizes), strict=True)
    return {name: piece.view(master.shape).copy_(master) for (name, master), piece in pieces}


def blank(
    source: Source,
    *,
    dtype: torch.dtype,
    device: torch.device | str = "meta",
    layers: int | None = None,
    words: int | None = None,
) -> Any:
    """The model's modules without its weights: no file of weights is opened. On the meta device
    they take no memory at all; elsewhere matrices hold arbitrary values.

    Args:
        layers: number of first layers to make; None makes all.
        words: size of the vocabulary, the model's own if None.

    Raises: ConfigError for a model that could not be trained.
    """
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    config = _config(source)
    text = config.get_text_config()
    if layers is not None:
        keep_first_layers(text, layers)
    if words is not None:
        text.vocab_size, text.pad_token_id = words, None
    try:
        with no_init_weights(), torch.device(device):
            module = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
        module.tie_weights()  # which is a part of initialising them
    except UNREADABLE_ERRORS as error:
        raise _not_loaded(source, "configuration", error) from error
    refuse_experts(module, source)
    refuse_changing_rope(module, source)
    return module.eval()


def load_classifier(
    source: Source, *, dtype: torch.dtype, device: torch.device | str
) -> tuple[Any, Any]:
    """Load a sequence-classification model, frozen, and its tokenizer, as a reward model.

    Raises: ConfigError if there is none, or if its head was never trained: transformers fills a
        head that the files lack with random numbers, and says so only in a warning.
    """
    if source.kind not in ("folder", "hub"):
        raise ConfigError(
            f"'{source.name}' is not a reward model; give a folder or a hub name of a "
            "sequence-classification model."
        )
    from transformers import AutoConfig, AutoTokenizer

    try:
        with without_progress_bars(), _patient(source):
            tokenizer = AutoTokenizer.from_pretrained(source.path, trust_remote_code=False)
            config = AutoConfig.from_pretrained(source.path, trust_remote_code=False)
            module, info = head_read_exactly(classifier_class(config)).from_pretrained(
                source.path, config=config, dtype=dtype, output_loading_info=True,
                use_safetensors=True,
            )  # fmt: skip
    except UNREADABLE_ERRORS as error:
        raise _not_loaded(source, "reward model", error) from error
    if missing := sorted(info["missing_keys"]):
        raise ConfigError(
            f"'{source.name}' has no trained head to score with ({missing[0]} is missing); a "
            "reward model is a sequence-classification model that was trained on preferences."
        )
    refuse_changing_rope(module, source)
    compute_head_exactly(module)
    return module.to(device).eval().requires_grad_(False), tokenizer


def is_classifier(source: Source) -> bool:
    """True if the files are those of a sequence-classification model, by what its config says."""
    if source.kind not in ("folder", "hub"):
        return False
    names = _config(source).architectures or []
    return any(name.endswith("ForSequenceClassification") for name in names)


UNREADABLE_ERRORS = (OSError, ValueError, RuntimeError, SafetensorError)
"""Errors that transformers raises for files that are missing, cut, or of another shape."""


def _module(
    source: Source,
    dtype: torch.dtype,
    seed: int,
    quantisation: Quantisation,
    device: torch.device | str,
) -> Any:
    """The model in one of its forms: on the CPU, or, where it is quantised, on the device, which
    does that."""
    if source.kind == "tiny":
        module: Any = tiny.model(seed, dtype)
        quantise(module.to("cpu" if quantisation == "none" else device), quantisation)
        return module
    from transformers import AutoModelForCausalLM

    try:
        with _patient(source):
            return AutoModelForCausalLM.from_pretrained(
                loadable_name(source), dtype=dtype, trust_remote_code=False, use_safetensors=True,
                **loading(quantisation, dtype, device),
            )  # fmt: skip
    except UNREADABLE_ERRORS as error:
        raise _not_loaded(source, "model", error) from error


def _config(source: Source) -> Any:
    """A config of transformers that we may change."""
    if source.kind == "tiny":
        return copy.deepcopy(tiny.model().config)
    if source.kind == "shape":
        return shape_of(source.path).config
    from transformers import AutoConfig

    try:
        with _patient(source):
            return AutoConfig.from_pretrained(loadable_name(source), trust_remote_code=False)
    except UNREADABLE_ERRORS as error:
        raise _not_loaded(source, "configuration", error) from error


def _patient(source: Source) -> contextlib.AbstractContextManager[None]:
    """A context that gives the hub seconds to answer; files on the disk do not need it."""
    return hub.patient_for_seconds() if source.kind == "hub" else contextlib.nullcontext()


def loadable_name(source: Source) -> str:
    """The folder or hub name under which transformers itself loads a model; a GGUF file is
    converted for it."""
    return str(converted(source.path)) if source.kind == "gguf" else source.path


def _not_loaded(source: Source, what: str, error: Exception) -> UserError:
    if (short := machine_short(error)) is not None:
        return short
    first = first_line(error)
    if "model.safetensors" in first and source.kind == "hub":
        return ConfigError(how_to_convert(source.name, "pytorch_model.bin", CAUSAL_CLASS))
    hint = "there is no such folder here either; check the name, your connection or HF_ENDPOINT"
    if source.kind != "hub":
        hint = "check that the folder is whole"
    return ConfigError(f"The {what} of '{source.name}' could not be loaded ({first}); {hint}.")


def _switch_off_dropout(module: torch.nn.Module) -> None:
    """Switch off dropout, which would make the trainer's log-probabilities differ from the
    engine's."""
    module.eval()  # and nobody calls train(): no layer of a causal LM needs it but for dropout


def best_dtype(device: torch.device | str) -> torch.dtype:
    """The best dtype: bf16 if the processor or GPU computes in it, otherwise fp16 on a GPU, whose
    products of fp32 are many times slower, and fp32 on a processor."""
    if torch.device(device).type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float16
    cpu = torch.cpu
    has_bf16 = cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    # ATEN_CPU_CAPABILITY holds torch's kernels below what the processor has. The bf16 attention of
    # a processor with AMX then packs its factors for a kernel that is not there, and raises.
    held_below = torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2")
    return torch.bfloat16 if has_bf16 and not held_below else torch.float32
