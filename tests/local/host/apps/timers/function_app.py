"""Timers that write down when they ran."""

from __future__ import annotations

import json
import os
import time

import azure.functions as func

app = func.FunctionApp()


def _record(**facts: object) -> None:
    with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
        record.write(json.dumps(facts, default=str) + "\n")


@app.timer_trigger(arg_name="timer", schedule="%OFTEN%")
async def often(timer: func.TimerRequest) -> None:
    _record(function="often", past_due=timer.past_due, worker=os.getpid(), at=time.time())


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def yearly(timer: func.TimerRequest) -> None:
    _record(function="yearly", past_due=timer.past_due, status=timer.schedule_status)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def at_start(timer: func.TimerRequest) -> None:
    _record(function="at_start", past_due=timer.past_due)


@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00")
@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
async def fails(timer: func.TimerRequest, context: func.Context) -> None:
    _record(function="fails", attempt=context.retry_context.retry_count, most=context.retry_context.max_retry_count)
    raise RuntimeError("as always")
