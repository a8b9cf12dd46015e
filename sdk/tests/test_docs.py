"""The documentation's commands and programs work as they are printed."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headroom.cli.main import app
from headroom_common.errors import HeadroomError

ROOT = Path(__file__).parents[2]
PLATFORM = ("experiments", "up", "services", "rollout", "dead-letters", "runs", "keys", "login", "logout")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [body for kind, body in BLOCK.findall(text) if kind == language]


def commands() -> list[str]:
    lines = [line.split(" #")[0].strip() for block in blocks("cli.md", "sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("headroom ") and "completion" not in line]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples" / "single-server.yaml", tmp_path / "scenario.yaml")
    shutil.copy(ROOT / "examples" / "asyncflow" / "single_server.yml", tmp_path / "asyncflow.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_page_works(folder: Path, line: str) -> None:
    words = shlex.split(line.partition("|")[0])[1:]
    expanded = [
        found for word in words for found in (sorted(map(str, folder.glob(word))) if "*" in word else [word])
    ]
    if words[0] in PLATFORM or "--gateway" in words:
        # Other tests run these on a real platform; here it is their options that have to exist.
        expanded += ["--help"]
    if words[0] == "run":
        expanded += ["-n", "1", "--set", "spec.horizon=2s", "--set", "spec.warmup=0s"]
    done = CliRunner().invoke(app, expanded)
    assert done.exit_code in (0, 1), done.output


def test_the_options_of_run_are_those_of_the_page() -> None:
    table = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    said = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["run", "--help"]).stdout
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", said)) - {"--help", "--debug"}
    assert {option for option in options if option not in table} == set()


@pytest.mark.parametrize(
    "program",
    # tests/integration runs those that need a gateway.
    [program for program in blocks("python-api.md", "python") if "Client(" not in program],
    ids=lambda program: program.split("\n")[0],
)
def test_every_program_of_the_page_works(
    folder: Path, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    promised = [line.removeprefix("# ") for line in program.splitlines() if line.startswith("#   ")]
    assert folder.is_dir()
    code = compile(program, "python-api.md", "exec")
    if "# ScenarioError" not in program:
        exec(code, {})  # noqa: S102 - our own documentation
        assert capsys.readouterr().out or "def " in program
        return
    with pytest.raises(HeadroomError) as caught:
        exec(code, {})  # noqa: S102 - our own documentation
    for line in promised:
        assert line.strip(" …") in str(caught.value)
