"""Typed `params.yaml`: one frozen model for each section, unknown keys refused, every value explicit.

No field has a default: what a run does stands in `params.yaml` alone, so this module can never change a result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, overload

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from difflab.stage import UserError

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, le=9)]
Domain = Literal["mnist", "mnistm", "svhn", "usps"]
T = TypeVar("T")


class ParamsError(UserError):
    """A value of `params.yaml` that is not allowed; the message is one line."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ComputeParams(Section):
    threads: PositiveInt  # CPU threads of one stage; sums are split by thread, so bytes depend on it
    mixed_precision: Literal["auto", "no", "bf16"]  # auto: bf16 where the device computes in it


class SourceParams(Section):
    mnist: Literal["embedded", "torchvision", "folder"]
    mnistm: Literal["embedded", "torchvision", "folder"]
    svhn: Literal["embedded", "torchvision", "folder"]
    usps: Literal["embedded", "torchvision", "folder"]
    faces: Literal["embedded", "folder"]


class EmbeddedParams(Section):
    blends_per_digit: PositiveInt  # MNIST-M stand-in: patches blended with each training digit
    street_numbers: Annotated[int, Field(ge=100)]  # rendered house-number crops, all splits together


class DataParams(Section):
    root: str | None  # folder with real data; null: only embedded data and downloads
    seed: NonNegativeInt
    sources: SourceParams
    embedded: EmbeddedParams

    @model_validator(mode="after")
    def _folder_needs_root(self) -> Self:
        folders = [name for name, source in self.sources if source == "folder"]
        if self.root is None and folders:
            raise ValueError(f"a folder, because sources.{folders[0]} is 'folder'")
        return self


class PrepareParams(Section):
    digit_size: Annotated[int, Field(ge=8, le=256, multiple_of=2)]  # pixels a side
    face_size: Annotated[int, Field(ge=8, le=1024, multiple_of=2)]


class TrainingParams(Section):
    seed: NonNegativeInt
    num_epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Literal["adam", "adamw"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    lr_schedule: Literal["constant", "linear", "cosine"]  # what follows the warm-up
    warmup_steps: NonNegativeInt
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    log_every: PositiveInt  # steps between two lines of train_log.jsonl
    checkpoint_every: PositiveInt  # steps between two rolling checkpoints


class JudgeParams(Section):
    channels: Annotated[list[PositiveInt], Field(min_length=1, max_length=4)]
    training: TrainingParams


class ScheduleParams(Section):
    name: Literal["linear", "cosine"]
    num_train_timesteps: Annotated[int, Field(ge=2, le=4000)]
    beta_start: Annotated[float, Field(gt=0, lt=1)] | None  # linear only
    beta_end: Annotated[float, Field(gt=0, lt=1)] | None

    @model_validator(mode="after")
    def _betas_belong_to_linear(self) -> Self:
        given = [value is not None for value in (self.beta_start, self.beta_end)]
        if self.name == "linear" and not all(given):
            raise ValueError("beta_start and beta_end with name 'linear'")
        if self.name == "cosine" and any(given):
            raise ValueError("beta_start and beta_end null with name 'cosine'")
        return self


class ConditionParams(Section):
    digit_dim: PositiveInt
    domain_dim: PositiveInt
    drop_probability: Probability  # of training without the condition, for classifier-free guidance


class NetworkParams(Section):
    patch_size: Literal[1, 2, 4]  # pixel-unshuffle before the U-Net: fewer, wider positions
    block_out_channels: Annotated[list[PositiveInt], Field(min_length=1)]
    layers_per_block: PositiveInt
    attention_head_dim: PositiveInt
    norm_num_groups: PositiveInt

    @model_validator(mode="after")
    def _channels_divide(self) -> Self:
        if any(c % self.norm_num_groups or c % self.attention_head_dim for c in self.block_out_channels):
            raise ValueError("block_out_channels divisible by norm_num_groups and by attention_head_dim")
        return self


class SamplerParams(Section):
    seed: NonNegativeInt  # of the noise bank
    sampler: Literal["ddpm", "ddim"]
    num_inference_steps: PositiveInt
    timestep_spacing: Literal["leading", "trailing", "linspace"]
    steps_offset: NonNegativeInt  # leading spacing only: t = offset, offset + T/steps, …
    set_alpha_to_one: bool  # the last ᾱ: 1, or ᾱ_0
    clip_sample: bool  # clip the predicted x0 to [-1, 1]
    batch_size: PositiveInt


class RecipeSamplingParams(SamplerParams):
    eta: Probability
    guidance_scale: Annotated[float, Field(ge=0)]  # w of (1+w) ε(x,c) − w ε(x,∅)
    images_per_digit: Annotated[int, Field(ge=10)]  # the grid shows 10
    trace_steps: Annotated[int, Field(ge=2)]  # images of the reverse process, both ends included


# The digits that a recipe learns from each domain.
RecipeData = Annotated[dict[Domain, Annotated[list[Digit], Field(min_length=1)]], Field(min_length=1)]


class RecipeParams(Section):
    data: RecipeData
    schedule: ScheduleParams
    condition: ConditionParams
    network: NetworkParams
    training: TrainingParams
    sampling: RecipeSamplingParams


class FaceSamplingParams(SamplerParams):
    etas: Annotated[list[Probability], Field(min_length=1)]
    num_noises: PositiveInt


class FacesParams(Section):
    checkpoint: str | None  # null: train the small model below; else a folder or hub id that diffusers loads
    schedule: ScheduleParams
    network: NetworkParams
    training: TrainingParams
    sampling: FaceSamplingParams


class Params(Section):
    compute: ComputeParams
    data: DataParams
    prepare: PrepareParams
    judge: JudgeParams
    recipes: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], RecipeParams], Field(min_length=1)]
    faces: FacesParams


def _explain(error: ValidationError, prefix: str) -> str:
    """One line for the first bad value: the key, what was found, what is allowed."""
    first, *more = error.errors(include_url=False)
    key = ".".join([p for p in (prefix, *map(str, first["loc"])) if p and p != "[key]"])
    allowed = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    match first["type"]:
        case "missing":
            line = f"{key}: missing"
        case "extra_forbidden":
            line = f"{key}: unknown key"
        case _:
            line = f"{key}: found {_short(first['input'])}, allowed: {allowed}"
    return line + (f" (and {len(more)} more)" if more else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def validate(kind: type[T], value: Any, key: str = "") -> T:
    """Check `value` as the section `key` of params.yaml. Raises ParamsError with one line."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ParamsError(f"params.yaml: {_explain(error, key)}") from None


def read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; `difflab profile cpu` writes it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check the whole file. Raises ParamsError with one line."""
    return validate(Params, read_yaml(path))


@overload
def load_section(kind: type[T], key: str, path: Path = ...) -> T: ...
@overload
def load_section(kind: Any, key: str, path: Path = ...) -> Any: ...
def load_section(kind: Any, key: str, path: Path = Path("params.yaml")) -> Any:
    """Read and check one section, named by its dotted key; a stage reads only the sections dvc.yaml gives it."""
    value = read_yaml(path)
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ParamsError(f"params.yaml: {key}: missing")
        value = value[part]
    return validate(kind, value, key)
