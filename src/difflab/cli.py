"""The `difflab` command: choose a profile, check params.yaml, list, explain, verify and compare results."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from difflab.errors import UserError, call

PARAMS = Path("params.yaml")
# By group and name: an example and what the command does, for `difflab --help`.
COMMANDS = {
    "Run": {
        "profile": ("difflab profile smoke", "write a profile of conf/ to params.yaml"),
        "recipe": ("difflab recipe mine joint-cosine", "add a recipe as a copy of another one"),
        "check": ("difflab check", "check params.yaml and the files it names"),
        "plan": ("difflab plan", "list stages to run, reasons and times"),
        "rehearse": ("difflab rehearse train", "run stages at full size for a few steps"),
    },
    "Read": {
        "results": ("difflab results", "list figures, metrics and samples"),
        "why": ("difflab why figures/eta_grid.png", "show where a file comes from"),
        "compare": ("difflab compare HEAD", "compare two revisions or metrics files"),
        "verify": ("difflab verify", "show which claims hold for this run"),
        "report": ("difflab report", "write report/index.html"),
        "seeds": ("difflab seeds metrics/clip.json a b", "average metrics over revisions a, b"),
    },
    "Keep": {
        "track": ("difflab track", "upload runs to MLflow"),
        "push": ("difflab push", "upload outputs to a remote, and verify"),
        "reference": ("difflab reference --seeds 5", "run several seeds, write reference.json"),
        "docs": ("difflab docs --check", "update generated parts of README, docs"),
        "mend": ("difflab mend", "restore a truncated dvc.lock"),
        "clean": ("difflab clean", "remove checkpoints of killed stages"),
    },
}


def profile(name: str, overrides: list[str]) -> None:
    """Write a profile from conf/ to params.yaml; if the result is not valid, params.yaml is unchanged."""
    from difflab.setup.profiles import write_profile

    write_profile(name, overrides)


def recipe(name: str, base: str, overrides: list[str]) -> None:
    """Add a copy of a recipe to params.yaml, with some values changed."""
    from difflab.setup.profiles import write_recipe

    write_recipe(name, base, overrides)


def check() -> None:
    """Validate params.yaml and check that all outputs can be written.

    Links the files and folders named in params.yaml below inputs/, where DVC hashes their contents.
    """
    from difflab.config.params import load_params
    from difflab.history.mending import keep_whole_lock
    from difflab.pipeline.declared_outputs import check_outputs, declared_outputs
    from difflab.setup.check import check_params
    from difflab.setup.inputs import link_inputs

    params = load_params(PARAMS)
    check_params(params)
    check_outputs(declared_outputs())
    link_inputs(params)
    keep_whole_lock()


def results() -> None:
    """List the existing figures, metrics and samples of the pipeline in dvc.yaml, and the report."""
    from difflab.history.measurements import read_metrics
    from difflab.pipeline.dvc_repo import open_repo

    paths = [*sorted(Path(out.def_path) for out in open_repo().index.outs), Path("report/index.html")]
    for path in filter(Path.exists, paths):
        match path.parts[0]:
            case "metrics" if path.suffix == ".json":
                top = [m for m in read_metrics(path).measurements if len(m.path) == 1 and isinstance(m.value, float)]
                print(path, *(f"{m.name} {m.value:.4g}" for m in top), sep="  ")
            case "figures" | "metrics" | "report":
                print(path)
            case "samples":
                files = [file for file in path.rglob("*") if file.is_file()]
                images = sum(file.suffix == ".png" for file in files)
                print(f"{path}/  {f'{images} images' if images else f'{len(files)} files'}")


def compare(a: str, b: str | None) -> None:
    """Compare two metrics files, or two revisions; for revisions, also write a page with their figures."""
    from difflab.history.compare import RULE, compare_files, compare_revisions

    if not a.endswith(".json"):
        from difflab.report.comparison import write_comparison

        print(compared := compare_revisions(a, b), flush=True)
        print("", write_comparison(compared), sep="\n")  # fails if a figure is not in DVC's cache
        return
    if b is None:
        raise UserError(f"compare: found one file, {a}, allowed: two files, or one or two revisions")
    print(f"A: {a}", f"B: {b}", "", compare_files(Path(a), Path(b)), "", RULE, sep="\n")


def report() -> None:
    """Write the HTML page with all figures and metrics."""
    from difflab.report.page import write_report

    print(write_report())


def why(file: Path, since: str | None) -> None:
    """Show which stage made a file, when and from which inputs, and what has changed since a revision."""
    from difflab.history.why import explain
    from difflab.tracking.store import tracked_run

    print(explain(file, since, tracked_run))


def plan() -> None:
    """List the stages that a runner would run, with reasons and earlier run times."""
    from difflab.config.params import load_params
    from difflab.history.plan import plan, report
    from difflab.setup.inputs import link_inputs

    link_inputs(load_params(PARAMS))  # DVC hashes the files behind the links
    print(report(plan()))


def rehearse(stages: list[str], steps: int) -> None:
    """Run each stage at full size for a few steps, in a scratch folder; print sizes, times and missing files."""
    from difflab.rehearsal.rehearse import rehearse

    print(rehearse(stages, steps))


def verify(revision: str | None, strict: bool) -> None:
    """Show which claims hold for this run, and which headline measurements are outside their intervals."""
    from difflab.history.verify import verify

    sys.exit(verify(revision, strict))


def reference(seeds: int, files: list[str], revision: str) -> None:
    """Run a commit with several training seeds and write reference.json."""
    from difflab.history.reference import FILE, make_reference

    made = make_reference(seeds, files, revision)
    print(f"{FILE}: {len(made.files)} metrics files, training seeds {made.seeds}")


def docs(files: list[Path], check: bool) -> None:
    """Write the generated parts of README and docs; exit with status 1 if problems remain."""
    from difflab.docs.pages import write_pages

    for line in (wrong := write_pages(files, check)):
        print(line)
    sys.exit(int(bool(wrong)))


def seeds(file: Path, names: list[str]) -> None:
    """Show the mean and interval of each metric over experiments that differ only in their seeds."""
    from difflab.history.revisions import Revision
    from difflab.history.seeds import RULE, over_seeds

    table = over_seeds(file, [Revision(name) for name in names])
    print(table.to_string(index=False, justify="left", float_format="%.4g"), "", RULE, sep="\n")


def track(follows: bool) -> None:
    """Upload what is missing in the MLflow store, once or every few seconds until interrupted."""
    from difflab.tracking.sending import follow, track

    if follows:
        with suppress(KeyboardInterrupt):
            follow()
    else:
        print(track())


def push(remote: str | None) -> None:
    """Upload the outputs to a DVC remote, and check that it has every object of dvc.lock."""
    from difflab.history.push import push

    print(push(remote))


def mend() -> None:
    """Restore what killed runs have truncated: entries of dvc.lock, and DVC's list of the files in use."""
    from difflab.history.mending import mend_repository

    for line in mend_repository() or ["dvc.lock: intact, nothing to restore"]:
        print(line)


def clean() -> None:
    """Remove the checkpoints of killed stages."""
    from difflab.pipeline.work_folders import clean

    for line in clean():
        print(line)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="difflab",
        usage="difflab COMMAND ...",
        description=overview(),
        epilog="difflab COMMAND --help lists the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, prog="difflab", metavar="COMMAND", help=argparse.SUPPRESS)
    about = {name: texts for group in COMMANDS.values() for name, texts in group.items()}

    def add(name: str) -> argparse.ArgumentParser:
        example, text = about[name]
        return subparsers.add_parser(name, description=text, epilog=f"example: {example}")

    command = add("profile")
    command.add_argument("name", help="a file of conf/, such as smoke, cpu or paper, or the path of another YAML file")
    command.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="such as prepare.digit_size=8; ~KEY removes a key"
    )
    command.set_defaults(call=lambda arguments: profile(arguments.name, arguments.overrides))
    command = add("recipe")
    command.add_argument("name", metavar="NAME", help="the name of the new recipe, such as mnistm-cosine")
    command.add_argument("base", metavar="BASE", help="the recipe to copy, such as mnistm-linear")
    command.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="such as training.seed=1; ~KEY removes a key"
    )
    command.set_defaults(call=lambda arguments: recipe(arguments.name, arguments.base, arguments.overrides))
    command = add("check")
    command.set_defaults(call=lambda arguments: check())
    command = add("results")
    command.set_defaults(call=lambda arguments: results())
    command = add("report")
    command.set_defaults(call=lambda arguments: report())
    command = add("compare")
    command.add_argument(
        "a", metavar="A", help="a commit, a DVC experiment, or a file such as metrics/joint-cosine.json"
    )
    command.add_argument("b", nargs="?", metavar="B", help="another one; default: the working folder")
    command.set_defaults(call=lambda arguments: compare(arguments.a, arguments.b))
    command = add("why")
    command.add_argument("file", type=Path, metavar="FILE", help="an output of the pipeline, or a copy of one")
    command.add_argument("--since", metavar="REV", help="also show the changes since this commit or DVC experiment")
    command.set_defaults(call=lambda arguments: why(arguments.file, arguments.since))
    command = add("plan")
    command.set_defaults(call=lambda arguments: plan())
    command = add("rehearse")
    command.add_argument("stages", nargs="*", metavar="STAGE", help="such as train@joint-cosine or train; default: all")
    command.add_argument("--steps", type=int, default=2, metavar="N", help="training steps or images (default: 2)")
    command.set_defaults(call=lambda arguments: rehearse(arguments.stages, arguments.steps))
    command = add("verify")
    command.add_argument("revision", nargs="?", metavar="REV", help="a commit to run from scratch first, in a clone")
    command.add_argument(
        "--strict",
        action="store_true",
        help="exit status 1 if a claim fails or > 10 %% of measurements are outside their intervals",
    )
    command.set_defaults(call=lambda arguments: verify(arguments.revision, arguments.strict))
    command = add("reference")
    command.add_argument(
        "files", nargs="*", metavar="NAME", help="metrics files without suffix; default: all in claims.yaml"
    )
    command.add_argument("--seeds", type=int, default=5, metavar="K", help="number of training seeds (default: 5)")
    command.add_argument("--revision", default="HEAD", metavar="REV", help="the commit to run (default: HEAD)")
    command.set_defaults(call=lambda arguments: reference(arguments.seeds, arguments.files, arguments.revision))
    command = add("docs")
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: README.md and all of docs/")
    command.add_argument("--check", action="store_true", help="write nothing; exit status 1 if something differs")
    command.set_defaults(call=lambda arguments: docs(arguments.files, arguments.check))
    command = add("seeds")
    command.add_argument("file", type=Path, metavar="FILE", help="such as metrics/joint-cosine.json")
    command.add_argument("revisions", nargs="+", metavar="REV", help="commits or DVC experiments, one for each seed")
    command.set_defaults(call=lambda arguments: seeds(arguments.file, arguments.revisions))
    command = add("push")
    command.add_argument("remote", nargs="?", metavar="REMOTE", help="a DVC remote (default: the one in .dvc/config)")
    command.set_defaults(call=lambda arguments: push(arguments.remote))
    command = add("mend")
    command.set_defaults(call=lambda arguments: mend())
    command = add("clean")
    command.set_defaults(call=lambda arguments: clean())
    command = add("track")
    command.add_argument("--follow", action="store_true", help="upload curves of running trainings until interrupted")
    command.set_defaults(call=lambda arguments: track(arguments.follow))
    return parser


def overview() -> str:
    """One line for each command: an example and a description."""
    width = max(len(example) for group in COMMANDS.values() for example, _ in group.values())
    lines = ["Commands, each with an example:"]
    for group, commands in COMMANDS.items():
        lines += ["", f"{group}:", *(f"  {example:<{width}}  {text}" for example, text in commands.values())]
    return "\n".join(lines)


def run() -> None:
    """Run the command given on the command line."""
    arguments = build_parser().parse_args()
    arguments.call(arguments)


def main() -> None:
    call(run)
