"""Typed `params.yaml`: one frozen model for each section, unknown keys refused, every value explicit.

No stage declares this package, so it holds types, checks and readers only: no default, and nothing that is computed.
"""

# ruff: noqa: F401  (all that others import from here)

from difflab.params.adaptation import (
    AdaptationParams,
    ClassifierParams,
    ConfusionParams,
    Method,
    MethodParams,
    Scenario,
    TsneParams,
)
from difflab.params.circles import CirclesParams
from difflab.params.clip import (
    ClipNetworkParams,
    ClipParams,
    ColouredDigitsParams,
    Template,
    UnseenImagesParams,
    ZeroShotParams,
)
from difflab.params.controlnet import ControlNetParams, ControlSamplesParams, TwoCirclesParams
from difflab.params.data import DataParams, EmbeddedParams, FaceIdentity, PrepareParams
from difflab.params.diffusion import NetworkParams, SamplerParams, ScheduleParams
from difflab.params.faces import FaceInterpolationParams, FaceSamplingParams, FacesParams, PathName
from difflab.params.file import ParamsError, load_params, load_section, parse_yaml, read_yaml, validate
from difflab.params.personalization import (
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
from difflab.params.recipes import (
    ConditionParams,
    RecipeData,
    RecipeParams,
    RecipeSamplingParams,
)
from difflab.params.section import BatchSize, Domain, NumImages, Seed
from difflab.params.studies import (
    EvaluationParams,
    FewStepsParams,
    FidDrawingParams,
    FidStudyParams,
    GuidanceStudyParams,
    TrainingGifParams,
)
from difflab.params.text_to_image import (
    AutoencoderNetworkParams,
    AutoencoderParams,
    GuidedSamplingParams,
    LatentNetworkParams,
    TextToImageParams,
)
from difflab.params.training import ComputeParams, JudgeParams, TrainingParams
from difflab.params.whole import Params
