"""Typed `params.yaml`: one frozen model for each section, unknown keys refused, every value explicit.

No field has a default: what a run does stands in `params.yaml` alone, so nothing here can ever change a result.
"""

# ruff: noqa: F401  (all that others import from here)

from difflab.params.adaptation import (
    METHODS,
    AdaptationParams,
    ClassifierParams,
    ConfusionParams,
    MethodParams,
    Scenario,
    TsneParams,
    domains_of,
)
from difflab.params.data import DataParams, EmbeddedParams, PrepareParams
from difflab.params.diffusion import NetworkParams, SamplerParams, ScheduleParams
from difflab.params.faces import FaceInterpolationParams, FaceSamplingParams, PathName
from difflab.params.file import ParamsError, load_params, load_section, read_yaml, validate
from difflab.params.recipes import (
    ConditionParams,
    RecipeData,
    RecipeParams,
    RecipeSamplingParams,
)
from difflab.params.section import Domain, PositiveInt, Seed
from difflab.params.studies import (
    EvaluationParams,
    FewStepsParams,
    FidDrawingParams,
    FidStudyParams,
    GuidanceStudyParams,
    TrainingGifParams,
)
from difflab.params.training import ComputeParams, JudgeParams, TrainingParams
from difflab.params.whole import Params
