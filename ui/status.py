"""The status line: what the run does now, or how it ended, with its figures."""

from __future__ import annotations

from html import escape

from model.engine.base import LoadProgress
from model.engine.events import Failed, Finished, FinishReason, Prefill, Queued
from ui.notices import dropped_notice, error_notice
from ui.progress import Preparing, Progress

IDLE = '<div class="pg-status" role="status"></div>'

_REASONS = {
    FinishReason.EOS_TOKEN: "ended by itself",
    FinishReason.STOP_SEQUENCE: "met a stop string",
    FinishReason.CANCELLED: "stopped by you",
    FinishReason.DEADLINE: "cut off at the time limit",
}


def render_status(progress: Progress) -> str:
    """The line, and below it what was left out of the prompt and what went wrong."""
    if progress.is_over:
        line = describe_end(progress)
        html = _line(line, "off") if line else ""
    elif progress.num_tokens:
        html = _line(_live_line(progress), "busy pg-coming")
    else:
        html = _waiting(progress)
    return html + _notices(progress)


def say(text: str) -> str:
    """A status line that says only `text`."""
    return _line(text, "off")


def titled(title: str, status: str) -> str:
    """`status`, as HTML, of one among several things that run in turn."""
    return f'<div class="pg-titled"><b>{escape(title)}</b><div>{status}</div></div>'


def why_it_ended(progress: Progress) -> str:
    """In a few words, such as "met a stop string"."""
    match progress.outcome:
        case Finished() as finished:
            return _reason(progress, finished)
        case Failed():
            return "failed"
        case _:
            return "stopped"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st …"""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def stage_text(progress: LoadProgress) -> str:
    """A stage of loading and, where they are known, how far it is and its figures."""
    share = "" if progress.fraction is None else f", {progress.fraction:.0%}"
    detail = f" ({progress.detail})" if progress.detail else ""
    return f"{progress.stage}{share}{detail}"


def _waiting(progress: Progress) -> str:
    match progress.stage:
        case Preparing():
            return _line("Fetching the Tech Assistant's prompt", "busy")
        case LoadProgress(_, fraction) as stage:
            return _line(f"The model is loading: {stage_text(stage)}", "busy", fraction)
        case Queued(position) if position <= 1:
            return _line("Next in line", "busy")
        case Queued(position):
            return _line(f"{ordinal(position)} in line", "busy")
        case Prefill(done, total):
            text = f"Reading the prompt · {done:,} / {total:,} tokens"
            return _line(text, "busy", done / total if total else None)
        case _:
            return _line("Starting", "busy")


def _live_line(progress: Progress) -> str:
    parts = [_tokens(progress.num_tokens)]
    if progress.tokens_per_second is not None:
        parts.append(f"{progress.tokens_per_second:.1f} tokens/s")
    return " · ".join(parts)


def describe_end(progress: Progress) -> str:
    """How it ended, with its figures; "" of what failed before any text came."""
    match progress.outcome:
        case Finished() as finished:
            return _finished_line(progress, finished)
        case Failed():
            return f"Failed after {_tokens(progress.num_tokens)}" if progress.num_tokens else ""
        case _ if progress.is_revoked:
            return "Stopped before it began: the model was changed"
        case _:
            return "Stopped by you before it began"


def _finished_line(progress: Progress, finished: Finished) -> str:
    usage, timings = finished.usage, finished.timings
    parts = [_tokens(usage.completion_tokens)]
    speed = timings.tokens_per_second(usage.completion_tokens)
    if speed is not None:
        parts.append(f"{speed:.1f} tokens/s")
    if timings.time_to_first_token is not None:
        parts.append(f"first token {timings.time_to_first_token:.1f} s")
    parts.append(_reason(progress, finished))
    if progress.fitted is not None:
        used = usage.prompt_tokens + usage.completion_tokens
        size = progress.fitted.context_length
        share = f"{used / size:.0%}" if used * 100 >= size else "under 1%"
        parts.append(f"context {used:,} / {size:,} ({share})")
    if finished.seed is not None:
        parts.append(f"seed {finished.seed}")
    if usage.reused_tokens:
        parts.append(f"{usage.reused_tokens:,} of {usage.prompt_tokens:,} prompt tokens reused")
    return " · ".join(parts)


def _reason(progress: Progress, finished: Finished) -> str:
    if progress.is_revoked:
        return "stopped: the model was changed"
    if progress.ended_at:
        return f"stopped at {progress.ended_at}"
    if finished.reason is not FinishReason.LENGTH:
        return _REASONS[finished.reason]
    usage = finished.usage
    fitted = progress.fitted
    if fitted and usage.prompt_tokens + usage.completion_tokens >= fitted.context_length:
        return "the context is full"
    return f"reached the length limit ({usage.completion_tokens:,})"


def _notices(progress: Progress) -> str:
    html = ""
    if progress.fitted is not None:
        num_tokens = len(progress.fitted.generation.prompt_ids)
        html += "".join(dropped_notice(item, num_tokens) for item in progress.fitted.dropped)
    if isinstance(progress.outcome, Failed):
        html += error_notice(progress.outcome.error)
    return html


def _line(text: str, state: str, fraction: float | None = None) -> str:
    # A line that changes many times a second must not be read out each time.
    live = "off" if state.startswith("busy") else "polite"
    bar = ""
    if fraction is not None:
        bar = f'<progress max="1" value="{fraction:.3f}" aria-label="{escape(text)}"></progress>'
    return (
        f'<div class="pg-status pg-{state}" role="status" aria-live="{live}">'
        f"<span>{escape(text)}</span>{bar}</div>"
    )


def _tokens(number: int) -> str:
    return f"{number:,} token" if number == 1 else f"{number:,} tokens"
