"""`inv k8s.export` on a command line: exit codes, what is written, and no secret shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tranship
import yaml
from exported import ROOT, SECRETS, example, small
from invoke.program import Program

Inv = Callable[..., tuple[int, str, str]]


@pytest.fixture
def program() -> Program:
    return Program(namespace=tranship.namespace(), version="0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None) -> Path:
    made = example(tmp_path / "athena")
    monkeypatch.chdir(made)
    return made


def tree(folder: Path) -> list[str]:
    return sorted(str(it.relative_to(folder)) for it in folder.rglob("*") if it.is_file())


FULL = ("k8s.export", "--registry", "registry:5000/shop", "--tag", "1.4", "--versions", "1.37")


def test_production_is_exported_and_no_secret_shown_or_written(
    inv: Inv, program: Program, folder: Path
) -> None:
    code, out, err = inv(program, *FULL)

    assert code == 0, out + err
    lines = out.splitlines()
    assert "43 objects are valid in Kubernetes 1.37." == lines[0]
    assert "no kubectl: not tried with it." == lines[1]
    assert "9 of 9 files written to kubernetes." == lines[2]
    assert "  executor-service-env: EXIT_TOKEN" in lines
    written = "".join(
        (folder / "kubernetes" / it).read_text() for it in tree(folder / "kubernetes")
    )
    assert [] == [secret for secret in SECRETS if secret in out + err + written]
    assert "note: tests: profiles test: left out; --profile test takes it in" in err.splitlines()
    assert (0, "9 files are up to date.\n") == inv(program, *FULL, "--check")[:2]


def test_secrets_are_written_when_asked_for_and_not_shown(
    inv: Inv, program: Program, folder: Path
) -> None:
    code, out, err = inv(program, *FULL, "--secrets", "write", "--output", "out")

    assert code == 0, out + err
    held = (folder / "out/secrets.yaml").read_text()
    assert [] == [secret for secret in SECRETS if secret not in held]
    assert [] == [secret for secret in SECRETS if secret in out + err]
    assert out.endswith("9 Secrets are in secrets.yaml: for its owner alone, out of git.\n")
    assert (folder / "out/secrets.yaml").stat().st_mode & 0o077 == 0


def test_overlays_for_several_environments(inv: Inv, program: Program, folder: Path) -> None:
    words = ("--layout", "kustomize", "--environment", "production,test")
    code, out, err = inv(program, *FULL, *words)

    assert code == 0, out + err
    assert "  test: executor-service-env: DATABASE_URL, EXIT_TOKEN, REDIS_URL" in out.splitlines()
    for name in ("production", "test"):
        path = folder / f"kubernetes/overlays/{name}/kustomization.yaml"
        assert "../../base" == yaml.safe_load(path.read_text())["resources"][0]


def test_the_page_shows_what_is_printed_and_written(
    inv: Inv, program: Program, folder: Path
) -> None:
    blocks = (ROOT / "docs/kubernetes.md").read_text().split("```")
    shown = next(it for it in blocks if it.startswith("console\n$ inv k8s.export --registry"))
    command, *lines = shown.splitlines()[1:]
    container = next(it for it in blocks if "- name: data-service" in it)

    code, out, err = inv(program, *command.split()[2:])

    assert code == 0, out + err
    # kubectl is not on this PATH, and which versions are the newest is not ours to say.
    printed = set((out + err).splitlines())
    assert [] == [line for line in (*lines[:5], *lines[7:]) if line not in printed]
    assert lines[5].startswith("43 objects are valid in Kubernetes ")
    assert lines[6] == "kubectl decodes every object, without a cluster."
    assert "43 objects are valid in Kubernetes " in out
    assert container.removeprefix("text\n") in (folder / "kubernetes/data-service.yaml").read_text()


def test_check_names_what_is_stale(inv: Inv, program: Program, folder: Path) -> None:
    code, out, err = inv(program, *FULL, "--check")

    assert 1 == code
    assert "stale: redis.yaml" in out.splitlines()
    assert err.endswith("Make them again: inv k8s.export\n")
    assert not (folder / "kubernetes").exists()


def test_strict_writes_nothing_when_something_is_lost(
    inv: Inv, program: Program, folder: Path
) -> None:
    code, out, err = inv(program, "k8s.export", "--strict", "--versions", "1.37")

    assert (2, "") == (code, out)
    assert "is built here and in no registry; name one with --registry" in err
    assert err.endswith("--strict: 2 not carried over.\n")
    assert not (folder / "kubernetes").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--environment", "prod"), 2, "no environment 'prod'"),
        (("--environment", "production,test"), 2, "Plain manifests are of one environment"),
        (("--layout", "kustomise"), 2, "No layout 'kustomise' (did you mean 'kustomize'?)"),
        (("--secrets", "show"), 2, "--secrets show: unknown"),
        (("--versions", "1.99"), 2, "No schemas of Kubernetes 1.99"),
        (("--profile", "tst"), 2, "No profile 'tst' (did you mean 'test'?)"),
    ],
    ids=lambda item: str(item),
)
def test_wrong_usage_is_one_line_and_writes_nothing(
    inv: Inv, program: Program, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    got, out, err = inv(program, "k8s.export", *words)

    assert (code, "") == (got, out)
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (folder / "kubernetes").exists()


def test_a_secret_that_is_missing(inv: Inv, program: Program, folder: Path) -> None:
    (folder / "envs/production.secrets.json").unlink()
    code, out, err = inv(program, "k8s.export")

    assert (2, "") == (code, out)
    assert "{redis.password}: no such setting" in err
    assert "nor is there production.secrets.json" in err


def test_files_that_were_changed_by_hand(inv: Inv, program: Program, folder: Path) -> None:
    assert inv(program, *FULL)[0] == 0
    path = folder / "kubernetes/redis.yaml"
    path.write_text(path.read_text() + "# mine\n")

    code, _, err = inv(program, *FULL)
    assert code == 2
    assert "changed by hand since it was generated: redis.yaml" in err
    assert inv(program, *FULL, "--force")[0] == 0
    assert "# mine" not in path.read_text()


def test_without_the_schemas(
    inv: Inv, program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "kubernetes_validate.utils", None)
    code, _, err = inv(program, "k8s.export")
    assert code == 4
    assert 'pip install "tranship[k8s]"' in err
    code, out, err = inv(program, "k8s.export", "--no-validate")
    assert code == 0, err
    assert "not validated." == out.splitlines()[0]


def test_a_name_that_is_no_address(
    inv: Inv, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None
) -> None:
    monkeypatch.chdir(small(tmp_path / "p", {"my_api": {}}))
    code, _, err = inv(program, "k8s.export")

    assert code == 2
    assert "Rename it to 'my-api' in the compose files and the mapping." in err


def test_the_projects_own_environment_is_exported_where_there_is_no_production(
    inv: Inv, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_docker: None
) -> None:
    folder = small(tmp_path / "p", {"api": {}})
    monkeypatch.chdir(folder)
    code, out, err = inv(program, "k8s.export", "--versions", "1.37,1.36")

    assert code == 0, err
    assert "3 objects are valid in Kubernetes 1.37, 1.36." == out.splitlines()[0]
    assert [".gitignore", "api.yaml"] == tree(folder / "kubernetes")
