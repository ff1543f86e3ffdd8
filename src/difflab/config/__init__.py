"""Typed `params.yaml`: one frozen model for each section, unknown keys refused, every value explicit.

No stage declares this package, so it holds types, checks and readers only: no default, and nothing that is computed.
"""

# ruff: noqa: F401  (all that others import from here)

from difflab.config.adaptation import (
    AdaptationParams,
    ClassifierParams,
    ConfusionParams,
    Method,
    MethodParams,
    Scenario,
    TsneParams,
)
from difflab.config.circles import CirclesParams
from difflab.config.clip import (
    ClipNetworkParams,
    ClipParams,
    ColouredDigitsParams,
    Template,
    UnseenImagesParams,
    ZeroShotParams,
)
from difflab.config.controlnet import ControlNetParams, ControlSamplesParams, TwoCirclesParams
from difflab.config.data import DataParams, EmbeddedParams, FaceIdentity, PrepareParams
from difflab.config.diffusion import NetworkParams, SamplerParams, ScheduleParams
from difflab.config.faces import FaceInterpolationParams, FaceSamplingParams, FacesParams, PathName
from difflab.config.file import ParamsError, load_params, load_section, parse_yaml, read_yaml, validate
from difflab.config.personalization import (
    ConceptCirclesParams,
    ConceptParams,
    Concepts,
    CustomDiffusionParams,
    MultiConceptParams,
    PersonalizationParams,
    PresenceParams,
    PriorParams,
    Prompts,
    Templates,
    Token,
)
from difflab.config.recipes import (
    ConditionParams,
    RecipeData,
    RecipeParams,
    RecipeSamplingParams,
)
from difflab.config.section import BatchSize, Domain, NumImages, Seed
from difflab.config.studies import (
    EvaluationParams,
    FewStepsParams,
    FidDrawingParams,
    FidStudyParams,
    GuidanceStudyParams,
    TrainingGifParams,
)
from difflab.config.text_to_image import (
    AutoencoderNetworkParams,
    AutoencoderParams,
    GuidedSamplingParams,
    LatentNetworkParams,
    TextToImageParams,
)
from difflab.config.training import ComputeParams, JudgeParams, TrainingParams
from difflab.config.whole import Params
