"""Policies for Dockerfiles and for what a build is given, each with an example that it refuses."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from scripts.slim_image import UNUSED, slim_packages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVICES = ("gateway", "generator", "router", "server-model", "analysis")
LABELS = {"title", "description", "licenses", "version", "revision", "created"}
SHARED_END = "# --- packages of this service "
SECRET = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)


class Step(NamedTuple):
    """One instruction of a Dockerfile, its continued lines joined."""

    name: str
    rest: str


def parsed(text: str) -> list[Step]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Step(*line.split(None, 1)) for line in joined.splitlines()]


def final(steps: list[Step]) -> list[Step]:
    """The instructions of the stage that becomes the image."""
    last = max(at for at, step in enumerate(steps) if step.name == "FROM")
    return steps[last:]


def first(steps: list[Step], name: str, part: str) -> int:
    """Where an instruction with a text in it is; behind the end when there is none."""
    return next((at for at, step in enumerate(steps) if step.name == name and part in step.rest), len(steps))


def named(steps: list[Step], name: str) -> list[str]:
    return [step.rest for step in steps if step.name == name]


def multi_stage(steps: list[Step]) -> bool:
    runs = " ".join(named(final(steps), "RUN"))
    return len(named(steps, "FROM")) > 1 and not re.search(r"pip install|pip wheel|apt-get|compileall", runs)


def base_by_argument(steps: list[Step]) -> bool:
    stages = {rest.split(" AS ")[1] for rest in named(steps, "FROM") if " AS " in rest}
    bases = {rest.split(" AS ")[0] for rest in named(steps, "FROM")}
    default = next(rest for rest in named(steps, "ARG") if rest.startswith("PYTHON_IMAGE="))
    return bases <= stages | {"${PYTHON_IMAGE}"} and ":" in default and "latest" not in default


def packages_before_source(steps: list[Step]) -> bool:
    packages = first(steps, "RUN", "--requirement requirements/common.txt")
    return packages < first(steps, "COPY", "common common") < len(steps)


def hashed_and_cached(steps: list[Step]) -> bool:
    installs = [run for run in named(steps, "RUN") if "pip" in run and "install" in run]
    return all(
        "--no-index" in run or ("--require-hashes" in run and "type=cache,target=/root/.cache/pip" in run)
        for run in installs
        if "slim_image.py installers" not in run
    )


def numeric_user(steps: list[Step]) -> bool:
    return named(final(steps), "USER") == ["10001:10001"]


def signalled_at_once(steps: list[Step]) -> bool:
    entries = [*named(final(steps), "ENTRYPOINT"), *named(final(steps), "CMD")]
    stop = named(final(steps), "STOPSIGNAL")
    return len(entries) == 1 and entries[0].startswith('["python", "-m", ') and stop == ["SIGTERM"]


def labelled(steps: list[Step]) -> bool:
    found = re.findall(r"org\.opencontainers\.image\.(\w+)=", " ".join(named(final(steps), "LABEL")))
    return set(found) >= LABELS


def without_secrets(steps: list[Step]) -> bool:
    return not any(SECRET.search(rest.split("=")[0]) for rest in named(steps, "ARG") + named(steps, "ENV"))


def nothing_fetched(steps: list[Step]) -> bool:
    return not named(steps, "ADD") and not any(
        re.search(r"curl|wget|git clone", run) for run in named(steps, "RUN")
    )


def any_architecture(steps: list[Step]) -> bool:
    return not re.search(r"--platform|x86|amd64", " ".join(step.rest for step in steps))


POLICIES: dict[Callable[[list[Step]], bool], tuple[str, str]] = {
    multi_stage: ("COPY --from=packages", "RUN apt-get install gcc\nCOPY --from=packages"),
    base_by_argument: ("-slim-bookworm", ""),
    packages_before_source: (
        "COPY requirements/common.txt",
        "COPY common common\nCOPY requirements/common.txt",
    ),
    hashed_and_cached: ("--require-hashes", ""),
    numeric_user: ("USER 10001:10001", "USER headroom"),
    signalled_at_once: ('ENTRYPOINT ["python", "-m", "', "ENTRYPOINT python -m "),
    labelled: ("org.opencontainers.image.revision", "revision"),
    without_secrets: ("ARG VERSION=dev", "ARG VERSION=dev\nARG REGISTRY_TOKEN"),
    nothing_fetched: ("USER 10001:10001", "ADD https://example.org/x /x\nUSER 10001:10001"),
    any_architecture: ("FROM packages", "FROM --platform=linux/amd64 packages"),
}
"""Every policy, and a change of a good Dockerfile that it refuses."""
BY_ARGUMENT = {base_by_argument: ("${PYTHON_VERSION}-slim-bookworm", "latest")}


@pytest.fixture(params=SERVICES)
def dockerfile(request: pytest.FixtureRequest, root: Path) -> str:
    return (root / f"microservices/{request.param}/Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("policy", POLICIES)
def test_dockerfiles_keep_to_the_policies(policy: Callable[[list[Step]], bool], dockerfile: str) -> None:
    assert policy(parsed(dockerfile))


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_refuses_something(policy: Callable[[list[Step]], bool], dockerfile: str) -> None:
    good, bad = BY_ARGUMENT.get(policy, POLICIES[policy])
    assert good in dockerfile
    assert not policy(parsed(dockerfile.replace(good, bad)))


def test_every_microservice_has_one(root: Path) -> None:
    assert {path.parent.name for path in root.glob("microservices/*/Dockerfile")} == set(SERVICES)
    assert {path.parent.name for path in root.glob("microservices/*/pyproject.toml")} == set(SERVICES)


def test_all_services_build_on_the_same_layers(root: Path) -> None:
    texts = {
        (root / f"microservices/{service}/Dockerfile").read_text(encoding="utf-8").replace(service, "SERVICE")
        for service in SERVICES
    }
    heads = {text[: text.index(SHARED_END)] for text in texts}
    assert len(heads) == 1
    assert "microservices/SERVICE" not in "".join(heads).split("\n", 1)[1]


# --- what a build is given ----------------------------------------------------------------------------------


def sent(path: str, rules: list[str]) -> bool:
    """Tell whether `.dockerignore` lets a file into a build: the last rule that matches it counts."""
    parents = [path.rsplit("/", cut)[0] for cut in range(path.count("/") + 1)]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        # In fnmatch a star takes slashes too, and here it does not.
        expression = "/".join(
            "(.*)" if part == "**" else fnmatch.translate(part)[4:-3].replace(".*", "[^/]*")
            for part in pattern.split("/")
        ).replace("(.*)/", "(.*/)?")
        if any(re.fullmatch(expression, candidate) for candidate in parents):
            ignored = not rule.startswith("!")
    return not ignored


@pytest.fixture
def rules(root: Path) -> list[str]:
    lines = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_a_build_is_given_what_it_needs_and_nothing_else(
    root: Path, files: list[Path], rules: list[str]
) -> None:
    assert rules[0] == "*", "what is not named stays out"
    given = {str(path.relative_to(root)) for path in files if sent(str(path.relative_to(root)), rules)}
    assert {"requirements/common.txt", "requirements/build.txt", "scripts/slim_image.py"} <= given
    for member in ("common", *(f"microservices/{service}" for service in SERVICES)):
        assert f"{member}/pyproject.toml" in given
        assert any(path.startswith(f"{member}/src/") for path in given)
    needless = [
        path
        for path in given
        if not re.match(r"(common|microservices/[a-z-]+)/(src/|pyproject\.toml|README\.md)", path)
        and not re.match(r"requirements/[a-z-]+\.txt", path)
        and path != "scripts/slim_image.py"
    ]
    assert needless == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        "secrets/headroom_redis_url",
        "k8s/overlays/dev/secrets/key",
        "common/.env",
        "microservices/gateway/admin.key",
        "microservices/gateway/tests/test_keys.py",
        "requirements/netrc",
    ],
)
def test_a_secret_stays_out(path: str, rules: list[str]) -> None:
    assert not sent(path, rules)


def test_the_reading_of_rules_sees_an_open_door() -> None:
    assert sent("secrets/key", ["**/__pycache__"])
    assert sent("common/src/a/b.py", ["*", "!common/src"])
    assert not sent("common/src/a/__pycache__/b.pyc", ["*", "!common/src", "**/__pycache__"])


# --- what is taken from packages ----------------------------------------------------------------------------


def test_packages_lose_tests_and_headers_and_keep_the_rest(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    kept = {
        "numpy/core.py",
        "numpy-2.dist-info/licenses/LICENSE",
        "pyarrow/lib.cpython-311-x86_64-linux-gnu.so",
        "pyarrow/libarrow.so.2600",
    }
    lost = {"numpy/tests/test_core.py", "numpy/x.h", "pyarrow/libarrow_flight.so.2600", "pyarrow/libarrow.so"}
    for name in kept | lost:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("x" * 10, encoding="utf-8")
    assert slim_packages(tmp_path) == 10 * len(lost)
    assert {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()} == kept


def test_licences_are_never_taken() -> None:
    licences = ("numpy-2.4.0.dist-info/licenses/LICENSE.txt", "pyarrow/NOTICE.txt", "scipy/LICENSE")
    assert not any(fnmatch.fnmatch(name, pattern) for name in licences for pattern in UNUSED)
