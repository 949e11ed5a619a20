"""Several texts for one prompt on the page: streamed into their cards, and kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from model.errors import InvalidInputError
from model.remote import RemoteModel
from model.requests import CompletionRequest, check_complete
from ui.actions import Updates, build_html
from ui.block_stop import Ending
from ui.comparison import NOTHING, REMOTE, Comparison, compare, compare_remote
from ui.entry import build_entry
from ui.keeper import Keeper
from ui.marked_text import with_generated
from ui.progress import Progress
from ui.runs import Runs
from ui.sample_cards import SampleCards, collect
from ui.samples import Samples, build_samples, read_samples
from ui.setting_presets import SettingPresets
from ui.status import render_status, say, titled, why_it_ended
from ui.takes import Take, remote_place, run_takes, take_samples
from ui.work import ContinueContent, Tab, Work


class SideBySide:
    """Builds the cards where it is called. It keeps components, never what they hold."""

    def __init__(self, tab: Tab, runs: Runs, status: Any) -> None:
        """
        Args:
            status: the component that says how far all of it is.
        """
        self._tab = tab
        self._runs = runs
        self._status = status
        self._warning = build_html("", f"{tab}-remote")
        self.cards = SampleCards(f"{tab}-sample")

    def build_settings(self, presets: SettingPresets) -> None:
        """What is asked for several times, and how. Call it among the tab's settings."""
        self.samples = build_samples(self._tab)
        self._comparison = Comparison(self._tab, presets, self._runs.remote)
        self._comparison.warn_in(self._warning)

    @property
    def inputs(self) -> list[Any]:
        """What `read_takes` takes the values of."""
        return [self.samples, self._comparison.choice]

    @property
    def outputs(self) -> list[Any]:
        """The components that `run` changes, besides the status and the history's."""
        return [*self.cards.outputs, self._comparison.choice]

    def read(
        self,
        request: CompletionRequest,
        settings: Sequence[Any],
        here: str,
        samples: Any,
        compared: object,
    ) -> tuple[Take, ...]:
        """As `read_takes` has it."""
        return read_takes(request, settings, samples, compared, here, self._runs.remote)

    def stop(self, session: str) -> None:
        self._runs.stop(session, self._tab, remote_place(self._tab))

    async def run(
        self,
        takes: Sequence[Take],
        session: str,
        ending: Ending | None,
        keeper: Keeper,
        language: str,
        model: str,
    ) -> AsyncGenerator[Updates, None]:
        """
        Args:
            model: its name, for the history, in which each text gets an entry.
        """
        prompt, titles = takes[0].request.prompt, [take.title for take in takes]
        updates = self.cards.open(prompt, titles) | {self._status: render_status(Progress())}
        if any(take.remote for take in takes):  # it was chosen for this run, and for no other
            updates[self._comparison.choice] = NOTHING
        yield updates
        entries: dict[int, str] = {}
        now: Mapping[int, Progress] = {}
        steps = run_takes(self._runs, takes, session, self._tab, ending)
        async with aclosing(steps):
            async for then in steps:
                news = {at: each for at, each in then.items() if each is not now.get(at)}
                now = then
                updates = self.cards.stream(prompt, titles, news)
                updates[self._status] = _status(titles, now)
                for at, progress in news.items():
                    if progress.is_over and progress.text:
                        work = _work(takes[at], progress, language)
                        entries[at] = _entry(work, progress, takes[at].remote or model)
                        updates |= keeper.record_each(list(entries.values()))
                if any(progress.is_over for progress in news.values()):
                    updates |= self.cards.keep(collect(prompt, titles, now))
                yield updates
        samples = collect(prompt, titles, now)
        yield self.cards.hide_from(len(now)) | {self._status: _ended(samples, len(takes))}


def read_takes(
    request: CompletionRequest,
    settings: Sequence[Any],
    samples: Any,
    compared: object,
    here: str = "",
    remote: RemoteModel | None = None,
) -> tuple[Take, ...]:
    """The texts that are asked for: one, several samples, or two that are compared.

    Args:
        settings: the controls' values, of which `request` was made.
        here: the name of the model here.
        remote: the one that may be asked, too.

    Raises:
        InvalidInputError: it cannot be asked for, or not several times.
    """
    num_samples = read_samples(samples)
    if num_samples == 1 and compared == NOTHING:
        return (Take("", request, tuple(settings)),)
    check_complete(request)
    if request.params.logprobs is not None:
        raise InvalidInputError(
            "Token probabilities are told of one text at a time.",
            "Turn them off, or set Samples to 1 and Compare with to Nothing.",
        )
    if compared == NOTHING:
        return take_samples(request, settings, num_samples)
    if num_samples > 1:
        raise InvalidInputError(
            "A comparison is of one text each.", "Set Samples to 1, or Compare with to Nothing."
        )
    if compared != REMOTE:
        return compare(request, settings, compared)
    if remote is None:
        raise InvalidInputError("There is no remote model here.", "Choose something else.")
    return compare_remote(request, settings, here, remote)


def _status(titles: Sequence[str], now: Mapping[int, Progress]) -> str:
    """Of the first one at work, by its number."""
    at = next((at for at in sorted(now) if not now[at].is_over), max(now))
    return titled(f"{at + 1} / {len(titles)}", render_status(now[at]))


def _ended(samples: Samples, num_takes: int) -> str:
    found = sum(bool(sample.text) for sample in samples.texts)
    if not found:
        return say("No text to choose from")
    if found < num_takes:
        count = f"{found} of {num_takes} texts"
    else:
        count = "1 text" if found == 1 else f"{found} texts"
    return say(f"{count} to choose from · Use this puts one into the editor")


def _work(take: Take, progress: Progress, language: str) -> Work:
    text = with_generated(take.request.prompt, progress.text)
    content = ContinueContent(text, take.num_samples, header=take.request.header)
    return Work(content, take.settings, language, progress.seed)


def _entry(work: Work, progress: Progress, model: str) -> str:
    return build_entry(work, progress.text, progress.num_tokens, why_it_ended(progress), model)
