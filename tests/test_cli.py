"""The `difflab` command: profiles, the check of params.yaml, and what it costs to ask for help."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from difflab.cli import COMMANDS, build_parser, main
from difflab.config.params import load_params
from difflab.setup.inputs import CHECKED

ROOT = Path(__file__).parents[1]
PROFILES = sorted(path.stem for path in ROOT.glob("conf/*.yaml"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the profiles and params.yaml of the repository."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def difflab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: str) -> str:
        """What `difflab arguments` prints, or the one line that it ends with."""
        monkeypatch.setattr(sys, "argv", ["difflab", *arguments])
        try:
            main()
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out

    return call


def test_committed_params_are_the_cpu_profile(folder: Path, difflab) -> None:
    committed = (folder / "params.yaml").read_bytes()
    (folder / "params.yaml").unlink()
    assert difflab("profile", "cpu") == ""
    assert (folder / "params.yaml").read_bytes() == committed


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_valid(folder: Path, difflab, name: str) -> None:
    assert difflab("profile", name, "judge.training.seed=7") == ""
    assert load_params().judge.training.seed == 7


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nosuch"], "error: profile: found 'nosuch', allowed: cpu, paper, pretrain, smoke"),
        (
            ["cpu", "judge.training.batch_size=-3"],
            "error: params.yaml: judge.training.batch_size: found -3,",
        ),
        (["cpu", "judge.chanels=3"], "error: params.yaml: judge.chanels: found an unknown key, allowed: channels"),
        (["cpu", "judge.channels.x=3"], "error: profile: found 'judge.channels.x=3', allowed: KEY=VALUE"),
        (["cpu", "judge.channels"], "error: profile: found 'judge.channels', allowed: KEY=VALUE"),
        (["cpu", "~judge.channel"], "error: profile: found '~judge.channel', allowed: "),
        (["cpu", "judge=["], 'error: params.yaml: judge: found "[", allowed: a section'),
    ],
)
def test_bad_profile_leaves_params_alone(folder: Path, difflab, arguments: list[str], line: str) -> None:
    before = (folder / "params.yaml").read_bytes()
    message = difflab("profile", *arguments)
    assert message.startswith(line) and len(message.splitlines()) == 1
    assert (folder / "params.yaml").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["conf", "params.yaml", "pretrained"]


def test_check_stops_before_anything_is_written(folder: Path, difflab) -> None:
    assert difflab("profile", "cpu", "judge.checkpoint=mine.pt", "prepare.digit_size=28") == ""
    line = "error: params.yaml: judge.checkpoint: found 'mine.pt', which does not exist, allowed: null, or a file"
    assert difflab("check") == line
    assert not CHECKED.exists()


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("zero_shot.template", "A picture of a {object}.", "'picture' in 'A picture of a circle.'"),
        ("personalization.concepts.plum.initializer", "orange", "'orange' in 'orange'"),
        ("personalization.templates", ["one {token}", "my {token}"], "'my' in 'my <new>'"),
        ("personalization.multi_concept.prompts", ["a <new1> beside a <new2>"], "'beside' in 'a <new1> beside"),
        ("personalization.custom_diffusion.prior.prompts", ["a red square"], "'square' in 'a red square'"),
        ("personalization.custom_diffusion.prior.prompts", ["a red " * 10], "20 words in 'a red a red"),
    ],
)
def test_check_finds_prompts_of_unknown_words(folder: Path, difflab, key: str, value: str | list, found: str) -> None:
    """Minutes before the stage that reads them."""
    assert difflab("profile", "cpu", f"{key}={json.dumps(value)}") == ""
    message = difflab("check")
    assert message.startswith(f"error: params.yaml: {key}: found {found}") and ", allowed: " in message
    assert len(message.splitlines()) == 1
    difflab(
        "profile", "cpu", f"{key}={json.dumps(value)}", "clip.pretrained=openai/clip", "text_to_image.pretrained=null"
    )
    assert difflab("check") == ""


def test_check_finds_an_unknown_word_for_two_circles(folder: Path, difflab) -> None:
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("prompt: red circle", "prompt: crimson circle"))
    assert difflab("check").startswith("error: params.yaml: controlnet.samples.two_circles.0.prompt: found 'crimson'")


def test_check_writes_the_same_file_for_all_good_params(folder: Path, difflab) -> None:
    written = []
    for concept in ("cat2", "dog6"):  # photographs that the profile paper names
        (folder / "concepts" / concept).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "concepts" / concept / "00.jpg")
    for name in PROFILES:
        difflab("profile", name)
        difflab("check")
        written.append(CHECKED.read_bytes())
        CHECKED.unlink()
    assert len(set(written)) == 1
    (folder / "params.yaml").write_text("compute: {threads: 0}\n")
    assert difflab("check").startswith("error: params.yaml: compute.threads: found 0, allowed: ")
    assert not CHECKED.exists()


def test_compare_of_one_file_is_refused(folder: Path, difflab) -> None:
    line = "error: compare: found one file, metrics/a.json, allowed: two files, or one or two revisions"
    assert difflab("compare", "metrics/a.json") == line


def test_results_names_what_is_there(folder: Path, difflab) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    (folder / "dvc.yaml").write_text(
        "stages: {all: {cmd: 'true', outs: [figures/a.png, samples/b/, samples/f/, models/c/, figures/missing.png],"
        " metrics: [metrics/d.json, metrics/e.csv]}}"
    )
    for path in (
        "figures/a.png",
        "samples/b/svhn/1_001.png",
        "samples/b/svhn/1_002.png",
        "samples/f/one.safetensors",
        "models/c/weights",
        "metrics/e.csv",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    metrics = {"loss": 0.25, "accuracy": {"value": 0.98765, "low": 0.9}, "num_images": 3, "by": {"svhn": 1.0}}
    (folder / "metrics/d.json").write_text(json.dumps(metrics))
    (folder / "metrics/e.csv").write_text("true,predicted\n")
    assert difflab("results").splitlines() == [
        "figures/a.png",
        "metrics/d.json  loss 0.25  accuracy 0.9877",
        "metrics/e.csv",
        "samples/b/  2 images",
        "samples/f/  1 files",
    ]


def test_help_fits_a_screen_and_its_examples_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = build_parser().format_help().splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    for name, (example, text) in [item for group in COMMANDS.values() for item in group.items()]:
        assert [line.split() for line in lines].count([*example.split(), *text.split()]) == 1
        assert example.startswith(f"difflab {name}")
        build_parser().parse_args(shlex.split(example)[1:])


def test_help_imports_neither_torch_nor_dvc() -> None:
    program = "import sys; from difflab.cli import build_parser; build_parser().format_help(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not {"torch", "dvc", "numpy", "pydantic"} & set(done.stdout.split())


def test_outside_the_repository_the_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, difflab) -> None:
    monkeypatch.chdir(tmp_path)
    line = f"error: conf: found no profile in {tmp_path}, allowed: the root of the repository"
    assert difflab("profile", "cpu") == line
    assert difflab("check").startswith("error: params.yaml: not found; ")
