"""What one export is asked for: settings, with the command line on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ...errors import SettingsError, UsageError, near
from ...settings import AutoscaleSettings, KubernetesSettings, Settings
from .quantities import is_quantity

Layout = Literal["plain", "kustomize"]
SecretsChoice = Literal["omit", "write"]


@dataclass(frozen=True)
class Options:
    """What the manifests depend on beside the stack."""

    registry: str = ""
    tag: str = ""
    host: str = ""
    ingress_class: str = ""
    volume_size: str = "1Gi"
    volume_sizes: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = ""
    liveness: str = "tcp"
    wait_image: str = ""
    egress: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    autoscale: Mapping[str, AutoscaleSettings] = field(default_factory=dict)


def options_of(
    settings: KubernetesSettings, registry: str = "", tag: str = "", host: str = ""
) -> Options:
    """Return the options; raises SettingsError for a value that cannot be meant."""
    where = "[tool.tranship.kubernetes]"
    for key, size in {"volume-size": settings.volume_size, **settings.volume_sizes}.items():
        if not is_quantity(size):
            raise SettingsError(f'{where} "{key}": {size!r} is no size. Write it like 10Gi.')
    for name, scale in settings.autoscale.items():
        if not 1 <= scale.min <= scale.max:
            raise SettingsError(
                f"[tool.tranship.kubernetes.autoscale.{name}]: min is {scale.min} and max is "
                f"{scale.max}; 1 <= min <= max is needed."
            )
        if scale.cpu is None and scale.memory is None:
            raise SettingsError(
                f"[tool.tranship.kubernetes.autoscale.{name}]: give it a target, cpu or memory."
            )
        for figure, target in (("cpu", scale.cpu), ("memory", scale.memory)):
            if target is not None and target < 1:
                raise SettingsError(
                    f"[tool.tranship.kubernetes.autoscale.{name}]: {figure} is {target}; percent "
                    "of what is requested, from 1."
                )
    return Options(
        registry=(registry or settings.registry).rstrip("/"),
        tag=tag or settings.tag,
        host=host or settings.host,
        ingress_class=settings.ingress_class,
        volume_size=settings.volume_size,
        volume_sizes=settings.volume_sizes,
        storage_class=settings.storage_class,
        liveness=settings.liveness,
        wait_image=settings.wait_image,
        egress=settings.egress,
        autoscale=settings.autoscale,
    )


def layout_of(name: str) -> Layout:
    """Return the layout; raises UsageError for an unknown one."""
    for known in get_args(Layout):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(
        f"No layout {name!r}{near(name, get_args(Layout))}. Layouts: plain, kustomize."
    )


def secrets_of(name: str) -> SecretsChoice:
    """Return what becomes of the Secrets; raises UsageError for an unknown word."""
    for known in get_args(SecretsChoice):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(
        f"--secrets {name}: unknown{near(name, get_args(SecretsChoice))}. Words: omit, write."
    )


def environments_of(names: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """Return the environments to export: those named, else production, else the project's own."""
    if names:
        return names
    known = (settings.layers / "production.json").is_file()
    return ("production",) if known else (settings.environment,)
