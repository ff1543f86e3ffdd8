"""Typed `params.yaml`: one frozen model for each section, unknown keys refused, every value explicit.

No field has a default: what a run does stands in `params.yaml` alone, so this module can never change a result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, overload

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError

from difflab.stage import UserError
from difflab.validation import explain, refuse

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, le=9)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Domain = Literal["mnist", "mnistm", "svhn"]
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
    copies_per_digit: PositiveInt  # MNIST and MNIST-M stand-ins: each training digit, slightly moved
    street_numbers: Annotated[int, Field(ge=100)]  # rendered house-number crops, all splits together


class DataParams(Section):
    root: str | None  # folder with real data; null: only embedded data and downloads
    seed: Seed
    sources: SourceParams
    embedded: EmbeddedParams

    @model_validator(mode="after")
    def _folder_needs_root(self) -> Self:
        for name, source in self.sources:
            photos = name == "mnistm" and source == "torchvision"  # built from MNIST and root/photos
            if self.root is None and (source == "folder" or photos):
                raise refuse("root", None, f"a folder, because sources.{name} is {source}")
        return self


class PrepareParams(Section):
    digit_size: Annotated[int, Field(ge=8, le=256, multiple_of=2)]  # pixels a side
    face_size: Annotated[int, Field(ge=8, le=1024, multiple_of=2)]


class TrainingParams(Section):
    seed: Seed
    num_epochs: PositiveInt
    batch_size: PositiveInt
    optimizer: Literal["adam", "adamw"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    lr_schedule: Literal["constant", "linear", "cosine"]  # what follows the warm-up
    lr_interval: Literal["step", "epoch"]  # how often the learning rate changes
    warmup_steps: NonNegativeInt
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    log_every: PositiveInt  # steps between two lines of train_log.jsonl
    checkpoint_every: PositiveInt  # steps between two rolling checkpoints
    num_snapshots: NonNegativeInt  # sets of weights kept on the way, at equal intervals, the last ones included


class JudgeParams(Section):
    checkpoint: str | None  # a LeNet-like MNIST-M judge of others, taken instead of training that one
    channels: Annotated[list[PositiveInt], Field(min_length=1, max_length=4)]
    training: TrainingParams


class ScheduleParams(Section):
    name: Literal["linear", "cosine"]
    num_train_timesteps: Annotated[int, Field(ge=2, le=4000)]
    beta_start: Annotated[float, Field(gt=0, lt=1)] | None  # linear only
    beta_end: Annotated[float, Field(gt=0, lt=1)] | None

    @model_validator(mode="after")
    def _betas_belong_to_linear(self) -> Self:
        for key, beta in (("beta_start", self.beta_start), ("beta_end", self.beta_end)):
            if (beta is None) != (self.name == "cosine"):
                allowed = "null" if self.name == "cosine" else "number > 0 and < 1"
                raise refuse(key, beta, f"{allowed}, because name is {self.name}")
        return self


class ConditionParams(Section):
    kind: Literal["digit_and_domain", "class_embedding", "one_hot"]
    digit_dim: PositiveInt | None  # digit_and_domain only
    domain_dim: PositiveInt | None
    drop_probability: Probability  # of training without the condition, for classifier-free guidance

    @model_validator(mode="after")
    def _sizes_belong_to_digit_and_domain(self) -> Self:
        for key, size in (("digit_dim", self.digit_dim), ("domain_dim", self.domain_dim)):
            if (size is None) == (self.kind == "digit_and_domain"):
                allowed = "integer ≥ 1" if size is None else "null"
                raise refuse(key, size, f"{allowed}, because kind is {self.kind}")
        return self


class NetworkParams(Section):
    prediction_type: Literal["epsilon", "v_prediction"]  # what the U-Net puts out, and the MSE is of
    patch_size: Literal[1, 2, 4]  # pixel-unshuffle before the U-Net: fewer, wider positions
    block_out_channels: Annotated[list[PositiveInt], Field(min_length=1)]
    layers_per_block: PositiveInt
    add_attention: bool  # self-attention in the middle
    attention_head_dim: PositiveInt
    norm_num_groups: PositiveInt
    time_embedding_dim: PositiveInt | None  # null: four times the first of block_out_channels

    @model_validator(mode="after")
    def _channels_divide(self) -> Self:
        for key in ("norm_num_groups", "attention_head_dim"):
            if any(channels % getattr(self, key) for channels in self.block_out_channels):
                raise refuse(
                    key, getattr(self, key), f"a divisor of each of block_out_channels {self.block_out_channels}"
                )
        return self


class SamplerParams(Section):
    seed: Seed  # of the noise bank
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: PositiveInt
    timestep_spacing: Literal["leading", "trailing", "linspace"]
    steps_offset: NonNegativeInt  # leading spacing only: t = offset, offset + T/steps, …
    set_alpha_to_one: bool  # the last ᾱ: 1, or ᾱ_0
    clip_sample: bool  # clip the predicted x0 to [-1, 1]
    batch_size: PositiveInt

    @model_validator(mode="after")
    def _offset_belongs_to_leading(self) -> Self:
        if self.steps_offset and self.timestep_spacing != "leading":
            raise refuse("steps_offset", self.steps_offset, f"0, because timestep_spacing is {self.timestep_spacing}")
        return self


class RecipeSamplingParams(SamplerParams):
    eta: Probability
    guidance_scale: Annotated[float, Field(ge=0)] | None  # w of (1+w) ε(x,c) − w ε(x,∅); null without a condition
    images_per_digit: Annotated[int, Field(ge=10)]  # the grid shows 10; without a condition, ten times as many in all
    trace_steps: Annotated[int, Field(ge=2)]  # images of the reverse process, both ends included

    @model_validator(mode="after")
    def _only_ddim_has_eta(self) -> Self:
        if self.eta and self.sampler != "ddim":
            raise refuse("eta", self.eta, f"0, because sampler is {self.sampler}")
        return self

    @model_validator(mode="after")
    def _trace_has_steps(self) -> Self:
        if self.trace_steps > self.num_inference_steps + 1:
            raise refuse(
                "trace_steps", self.trace_steps, f"integer ≤ num_inference_steps + 1 = {self.num_inference_steps + 1}"
            )
        return self


class Diffusion(Section):
    """What digits and faces share: a network trained on a noise schedule, and sampled on some of its time steps."""

    schedule: ScheduleParams
    network: NetworkParams
    training: TrainingParams
    sampling: SamplerParams

    @model_validator(mode="after")
    def _time_steps_exist(self) -> Self:
        trained, steps = self.schedule.num_train_timesteps, self.sampling.num_inference_steps
        if steps > trained:
            raise refuse("sampling.num_inference_steps", steps, f"integer ≤ schedule.num_train_timesteps = {trained}")
        room = trained - 1 - (steps - 1) * trained // steps  # above the first of the leading time steps
        if self.sampling.steps_offset > room:
            raise refuse(
                "sampling.steps_offset",
                self.sampling.steps_offset,
                f"integer ≤ {room} with num_inference_steps {steps}",
            )
        return self


# The digits that a recipe learns from each domain.
RecipeData = Annotated[dict[Domain, Annotated[list[Digit], Field(min_length=1)]], Field(min_length=1)]


class RecipeParams(Diffusion):
    data: RecipeData
    hold_out_validation: bool  # keep the validation split out of training and log its loss after each epoch
    condition: ConditionParams | None
    sampling: RecipeSamplingParams

    @model_validator(mode="after")
    def _guidance_needs_a_condition(self) -> Self:
        scale = self.sampling.guidance_scale
        if (scale is None) != (self.condition is None):
            allowed = "null, because condition is null" if self.condition is None else "number ≥ 0"
            raise refuse("sampling.guidance_scale", scale, allowed)
        return self

    @model_validator(mode="after")
    def _only_an_unconditional_recipe_takes_one_domain_whole(self) -> Self:
        if self.condition is None and [sorted(digits) for digits in self.data.values()] != [list(range(10))]:
            raise refuse("data", self.data, "all ten digits of one domain, because condition is null")
        if self.condition and self.condition.kind == "class_embedding" and len(self.data) > 1:
            raise refuse("data", self.data, "one domain, because condition.kind is class_embedding")
        return self


class FaceSamplingParams(SamplerParams):
    etas: Annotated[list[Probability], Field(min_length=1)]
    num_noises: PositiveInt


class FacesParams(Diffusion):
    checkpoint: str | None  # null: train the small model below; else a folder or hub id that diffusers loads
    sampling: FaceSamplingParams


class EvaluationParams(Section):
    seed: Seed  # of the bootstrap, and of the real images that are held against real ones
    num_resamples: PositiveInt  # of the bootstrap
    nearest_k: PositiveInt  # neighbours of precision, recall, density and coverage
    inception_weights: str | None  # file of inception-2015-12-05.pt; null: distances in the judge's features alone


class FidDrawingParams(Section):
    seeds: Annotated[list[Seed], Field(min_length=1)]  # of the noise bank
    num_images: Annotated[int, Field(ge=10)]  # for each length and seed
    batch_size: PositiveInt


class FidStudyParams(Section):
    recipe: str  # an unconditional recipe with a linear schedule
    lengths: Annotated[list[Annotated[int, Field(ge=2, le=4000)]], Field(min_length=1)]  # num_timesteps of the sampler
    drawing: FidDrawingParams


class FewStepsParams(Section):
    samplers: Annotated[list[Literal["ddim", "dpmsolver++"]], Field(min_length=1)]
    num_inference_steps: Annotated[list[PositiveInt], Field(min_length=1)]
    num_images: Annotated[int, Field(ge=10, multiple_of=10)]  # in all; with a condition as many of each digit
    batch_size: PositiveInt


class GuidanceStudyParams(Section):
    recipe: str
    guidance_scales: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    num_images: Annotated[int, Field(ge=10, multiple_of=10)]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: PositiveInt
    batch_size: PositiveInt


class TrainingGifParams(Section):
    recipes: list[str]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: PositiveInt


class StudiesParams(Section):
    fid: FidStudyParams
    few_steps: dict[str, FewStepsParams]  # by recipe
    guidance: GuidanceStudyParams
    training_gif: TrainingGifParams
    unconditional: list[str]  # recipes of which the way from noise, successes and failures are shown


class Params(Section):
    compute: ComputeParams
    data: DataParams
    prepare: PrepareParams
    judge: JudgeParams
    evaluation: EvaluationParams
    recipes: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], RecipeParams], Field(min_length=1)]
    faces: FacesParams
    studies: StudiesParams

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        taken = {"faces", "judge-mnist", "judge-mnistm", "judge-svhn"} & self.recipes.keys()
        if taken:
            raise refuse("recipes", min(taken), "another name, because models/ has a folder of that name")
        return self

    @model_validator(mode="after")
    def _the_course_judge_has_its_size(self) -> Self:
        if self.judge.checkpoint and self.prepare.digit_size != 28:
            raise refuse("prepare.digit_size", self.prepare.digit_size, "28, because of judge.checkpoint")
        return self

    @model_validator(mode="after")
    def _studies_have_their_recipes(self) -> Self:
        """Each study names recipes that are there and that it can be made of."""
        studies, recipes = self.studies, self.recipes
        conditional = [name for name, recipe in recipes.items() if recipe.condition]
        of_one_domain = [name for name, recipe in recipes.items() if len(recipe.data) == 1]
        unconditional = [name for name, recipe in recipes.items() if not recipe.condition]
        linear = [name for name in unconditional if recipes[name].schedule.name == "linear"]
        with_snapshots = [name for name in conditional if recipes[name].training.num_snapshots]
        for key, names, allowed in (
            ("fid.recipe", [studies.fid.recipe], linear),
            ("few_steps", list(studies.few_steps), of_one_domain),
            ("guidance.recipe", [studies.guidance.recipe], [name for name in of_one_domain if name in conditional]),
            ("training_gif.recipes", studies.training_gif.recipes, with_snapshots),
            ("unconditional", studies.unconditional, unconditional),
        ):
            for name in names:
                if name not in allowed:
                    raise refuse(f"studies.{key}", name, f"one of {', '.join(allowed) or 'no recipe'}")
        gif = studies.training_gif
        steps = [
            (f"few_steps.{name}", name, max(study.num_inference_steps)) for name, study in studies.few_steps.items()
        ]
        steps += [("guidance", studies.guidance.recipe, studies.guidance.num_inference_steps)]
        steps += [("training_gif", name, gif.num_inference_steps) for name in gif.recipes]
        for key, name, most in steps:
            trained = recipes[name].schedule.num_train_timesteps
            if most > trained:
                allowed = f"integers ≤ recipes.{name}.schedule.num_train_timesteps = {trained}"
                raise refuse(f"studies.{key}.num_inference_steps", most, allowed)
        return self

    @model_validator(mode="after")
    def _sizes_halve(self) -> Self:
        """Every level of a U-Net halves the image, and pixel-unshuffle divides it first."""
        models = {f"recipes.{name}": (recipe, "digit_size") for name, recipe in self.recipes.items()}
        for key, (model, size_key) in (models | {"faces": (self.faces, "face_size")}).items():
            size = getattr(self.prepare, size_key)
            factor = model.network.patch_size * 2 ** (len(model.network.block_out_channels) - 1)
            if size % factor:
                raise refuse(f"prepare.{size_key}", size, f"a multiple of {factor}, because of {key}.network")
        return self


def validate(kind: type[T], value: Any, key: str = "") -> T:
    """Check `value` as the section `key` of params.yaml. Raises ParamsError with one line."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ParamsError(f"params.yaml: {explain(error, kind, key)}") from None


def read_yaml(path: Path) -> Any:
    """Read YAML 1.2, as DVC does: 1e-5 is a number, and a key that stands twice is refused."""
    try:
        return YAML(typ="safe").load(path.read_text())
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; `difflab profile cpu` writes it") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ParamsError(f"{path}: not YAML, line {line}: {error.problem}") from None
    except (YAMLError, UnicodeDecodeError) as error:
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
            there = ", ".join(value) if isinstance(value, dict) else "no section"
            raise ParamsError(f"params.yaml: {key}: found no {part!r} there, allowed: {there}")
        value = value[part]
    return validate(kind, value, key)
