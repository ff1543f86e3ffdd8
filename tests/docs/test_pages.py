"""`difflab docs`: the generated parts of README and docs, and sentences that depend on claims."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from one_stage import CLAIMS, lock, trained

from difflab import cli
from difflab.docs.pages import load_sources, write_pages
from difflab.errors import UserError
from difflab.history.reference import FileReference, Reference

ROOT = Path(__file__).parents[2]
PAGE = "# Title\n\nIt is 0.7<!-- = m:accuracy --> and 0.90 (0.80–1.00)<!-- = m:accuracy --> of one run.\n"
FINDINGS = "<!-- findings -->\n<!-- /findings -->\n"


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with metrics/m.json and a reference of three seeds; the claim `wide` does not hold."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    Path("claims.yaml").write_text(json.dumps(CLAIMS))
    Path("dvc.lock").write_text(lock(trained()))
    Path("data.dvc").write_text("{}")
    Path("metrics").mkdir()
    Path("metrics/m.json").write_text(json.dumps({"accuracy": {"value": 0.9, "low": 0.8, "high": 1.0}}))
    numbers = {"accuracy": [0.9, 0.91, 0.92], "accuracy.low": [0.8, 0.81, 0.82]}
    files = {"m": FileReference(experiment="", commit="0" * 40, machine="some", numbers=numbers)}
    Path("reference.json").write_text(Reference(seeds=[0, 100, 200], files=files).model_dump_json())


def run_docs(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["difflab", "docs", *arguments])
        cli.main()
    return ended.value.code


def test_a_check_names_line_and_numbers_and_writes_nothing(measured: None, capsys: pytest.CaptureFixture[str]) -> None:
    below = Path("docs/notes/a.md")
    below.parent.mkdir(parents=True)
    below.write_text("0.7<!-- = m:accuracy -->\n")
    Path("README.md").write_text(PAGE + FINDINGS)
    assert run_docs("--check") == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("README.md:3: ") and "'0.7<!--'" in first and "'0.9<!--'" in first
    assert second.startswith("README.md:5: ") and third.startswith(f"{below}:1: ")
    assert Path("README.md").read_text() == PAGE + FINDINGS
    assert run_docs() == 0
    assert "| It is accurate | 0.9, 0.91, 0.92 | 3 of 3 seeds |" in Path("README.md").read_text()
    assert run_docs("--check", "README.md") == 0


def test_where_a_page_is_not_valid_no_page_is_written(measured: None) -> None:
    Path("README.md").write_text(PAGE)
    bad = Path("docs/bad.md")
    bad.parent.mkdir()
    bad.write_text("0.7<!-- = m:no.such -->\n")
    with pytest.raises(UserError, match=r"docs/bad\.md:1: .*no\.such"):
        write_pages([], check=False)
    assert Path("README.md").read_text() == PAGE


def test_a_sentence_whose_claim_fails_is_named(measured: None) -> None:
    Path("README.md").write_text("It is accurate<!-- claim accurate -->,\nand certain<!-- claim wide -->.\n")
    expected = ["README.md:2: claim wide: does not hold"]
    assert write_pages([], check=True) == write_pages([], check=False) == expected
    Path("README.md").write_text("It is new<!-- claim new -->.\n")
    with pytest.raises(UserError, match=r"README\.md:1: .*'new'"):
        write_pages([], check=True)


def test_a_table_of_findings_has_the_claims_and_systems_that_it_names(measured: None) -> None:
    page = Path("README.md")
    for names, rows in (("wide", 1), ("accurate, faces", 2), ("digits", 1)):
        page.write_text(f"<!-- findings {names} -->\n<!-- /findings -->\n")
        write_pages([page], check=False)
        assert page.read_text().count("\n| It is ") == rows
    page.write_text("<!-- findings no-such-claim -->\n<!-- /findings -->\n")
    with pytest.raises(UserError, match=r"'no-such-claim'.*digits, faces"):
        write_pages([page], check=False)


def test_a_named_file_without_generated_parts_is_refused(measured: None) -> None:
    Path("README.md").write_text("nothing")
    with pytest.raises(UserError, match=r"README\.md: found nothing"):
        write_pages([Path("README.md")], check=False)


def test_a_reference_table_is_written_between_its_marks(measured: None) -> None:
    page = Path("parameters.md")
    page.write_text("before\n<!-- parameters -->\nstale\n<!-- /parameters -->\nafter\n")
    write_pages([page], check=False)
    written = page.read_text()
    assert written.startswith("before\n<!-- parameters -->\n") and written.endswith("<!-- /parameters -->\nafter\n")
    assert "| `compute.threads` | integer, 1 to 1,024 |" in written and "stale" not in written
    assert write_pages([page], check=True) == []


def test_readme_and_docs_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "metrics"]).returncode:
        pytest.skip("metrics/ are not those of the commit; `difflab docs --check` compares them")
    assert load_sources().one_model == {"faces", "zero_shot", "text_to_image"}
    assert write_pages([], check=True) == []
