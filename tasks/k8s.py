"""The stack on Kubernetes: manifests from the same compose files and mapping."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from . import console
from .boundary import task
from .errors import ExitCode
from .selection import names


@task(
    # Invoke would make `--` of the underscore in no_validate, once the letters are taken.
    auto_shortflags=False,
    iterable=["environment", "profile"],
    help={
        "environment": "The layers; several with --layout kustomize. Default: production, if any.",
        "output": "The folder. Default: [tool.tranship.kubernetes] output.",
        "layout": "plain, or kustomize: a base, and an overlay for each environment.",
        "profile": "Also the services of this profile; may be repeated.",
        "registry": "Where the project's own images are pulled from, such as registry:5000/shop.",
        "tag": "The tag of the project's own images. Default: the compose file's, else latest.",
        "namespace": "The namespace that every object names. Default: what kubectl is told.",
        "host": "The host name of an Ingress for the service that is published.",
        "secrets": "omit them, or write them: one file, for its owner alone, out of git.",
        "versions": "Versions of Kubernetes to validate for: 1.33,1.34. Default: the newest four.",
        "no_validate": "Write the objects unchecked.",
        "strict": "Write nothing and exit 2 when something is not carried over.",
        "check": "Write nothing; exit 1 when a file is missing or stale.",
        "force": "Write over files that were changed by hand.",
    },
)
def export(
    c: Context,
    environment: list[str],
    profile: list[str],
    output: str = "",
    layout: str = "plain",
    registry: str = "",
    tag: str = "",
    namespace: str = "",
    host: str = "",
    secrets: str = "omit",
    versions: str = "",
    no_validate: bool = False,
    strict: bool = False,
    check: bool = False,
    force: bool = False,
) -> None:
    """Write the stack as manifests for Kubernetes, and say what they cannot express."""
    from . import settings as settings_module
    from .deployment.kubernetes import commands
    from .deployment.kubernetes.options import layout_of, options_of, secrets_of

    settings = settings_module.load()
    own = settings.kubernetes
    choice = secrets_of(secrets)
    asked = commands.Asked(
        options=options_of(own, registry, tag, host),
        folder=settings.root / (output or own.output),
        environments=names(environment),
        profiles=names(profile),
        layout=layout_of(layout),
        secrets=choice,
        namespace=namespace or own.namespace,
        versions=names([versions]) or own.versions,
        validate=not no_validate,
        strict=strict,
    )
    made = commands.make(settings, asked)
    if not made.confirmed:
        console.note("No docker command: read from the files alone, not confirmed by Compose.")
    for line in made.findings:
        console.note(line)
    shown = console.path(made.folder)
    if check:
        old = commands.stale(made)
        for path in old:
            console.out(f"stale: {path}")
        if old:
            raise Exit("Make them again: inv k8s.export", int(ExitCode.TESTS_DIFFER))
        console.out(f"{len(made.files)} files are up to date.")
        return
    written = commands.write(made, force=force)
    for line in made.checks:
        console.out(f"{line}.")
    console.out(f"{len(written)} of {len(made.files)} files written to {shown}.")
    for line in commands.secret_lines(made, choice):
        console.out(line)


def _collection() -> Collection:
    found = Collection("k8s")
    found.add_task(export)
    return found


ns = _collection()
