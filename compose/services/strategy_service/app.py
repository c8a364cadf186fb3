"""The HTTP face of the strategy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

from athena.app import service_app
from athena.metrics import Metrics
from athena.peers import Peer
from athena.settings import ServiceSettings
from athena.trading import Account, Quantity, Symbol
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field, model_validator

from .crossover import Signal, signal


class Settings(ServiceSettings):
    """The settings of strategy-service."""

    data_url: str
    executor_url: str


class Run(BaseModel):
    """One evaluation, after the last complete candle."""

    account: Account
    symbol: Symbol
    quantity: Quantity = Decimal(10)
    candle_size: int = Field(default=10, ge=1, le=60)
    fast: int = Field(default=3, ge=1, le=100)
    slow: int = Field(default=8, ge=2, le=199)

    @model_validator(mode="after")
    def _ordered(self) -> Run:
        if self.fast >= self.slow:
            raise ValueError("fast must be less than slow")
        return self


class Evaluation(BaseModel):
    """What the averages said, and the order that followed from it."""

    symbol: Symbol
    candle: int
    signal: Signal
    order: dict[str, Any] | None = None


def create(settings: Settings) -> FastAPI:
    """Return the application."""
    data = Peer("data-service", settings.data_url)
    executor = Peer("executor-service", settings.executor_url)

    @contextmanager
    def resources() -> Iterator[None]:
        with closing(data), closing(executor):
            yield

    metrics = Metrics()
    signals = metrics.counter("athena_signals_total", "Evaluations.", ["signal"])
    app = service_app(
        "strategy-service",
        settings,
        metrics,
        checks={"data-service": data.check, "executor-service": executor.check},
        resources=resources,
    )

    @app.post("/run")
    def run(run: Run) -> Evaluation:
        wanted = {"size": run.candle_size, "count": run.slow + 1}
        candles = data.call("GET", f"/candles/{run.symbol}", params=wanted)
        if len(candles) <= run.slow:
            raise HTTPException(409, f"{run.symbol} has {len(candles)} candles, not {run.slow + 1}")
        closes = [Decimal(candle["close"]) for candle in candles]
        evaluation = Evaluation(
            symbol=run.symbol,
            candle=candles[-1]["index"],
            signal=signal(closes, run.fast, run.slow),
        )
        signals.labels(evaluation.signal).inc()
        if evaluation.signal != "hold":
            evaluation.order = executor.call("POST", "/orders", json=_order(run, evaluation))
        return evaluation

    return app


def _order(run: Run, evaluation: Evaluation) -> dict[str, str]:
    """Return the order of this candle: the same at every run, so that it is placed once."""
    rule = f"ma-{run.fast}-{run.slow}-{run.candle_size}"
    return {
        "account": run.account,
        "symbol": run.symbol,
        "side": evaluation.signal,
        "quantity": str(run.quantity),
        "client_id": f"{rule}-{run.symbol}-{evaluation.candle}",
    }
