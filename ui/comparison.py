"""What a text is compared with: the same prompt under a preset, or by a remote model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model.errors import CapabilityError, InvalidInputError
from model.remote import RemoteModel
from model.requests import CompletionRequest
from ui.actions import INSTANT
from ui.controls import FIELDS, TITLES, read_params
from ui.fields import Fields
from ui.notices import notice
from ui.passthrough import FreeDropdown
from ui.setting_presets import SettingPresets, built_in_settings
from ui.takes import Take
from ui.work import Tab

NOTHING = ""
REMOTE = "remote"
AS_SET = "As set"


class Comparison:
    """Builds the drop-down where it is called, among the settings.

    The value of a choice is JSON, {"title", "settings": {field: value}}: the presets that a user
    saved are known to the browser alone (`ui/presets.js`).

    Args:
        remote: a model on another machine; offered where there is one.
    """

    def __init__(self, tab: Tab, presets: SettingPresets, remote: RemoteModel | None) -> None:
        self._remote = remote
        ours = [
            (title, json.dumps({"title": title, "settings": settings}))
            for title, settings in built_in_settings(tab).items()
        ]
        theirs = [(remote.title, REMOTE)] if remote else []
        choices = [("Nothing", NOTHING), *ours, *theirs]
        self.choice = FreeDropdown(
            choices,
            value=NOTHING,
            label="Compare with",
            info="the same prompt, by a remote model too" if remote else "the same prompt",
            filterable=False,
            elem_id=f"{tab}-compare",
        )
        js = f"(chosen) => playgroundPresets.offer('{tab}', chosen, {json.dumps(choices)})"
        offering: dict[str, Any] = {"fn": None, "js": js, **INSTANT}
        self.choice.focus(inputs=self.choice, outputs=self.choice, **offering)
        for event in presets.changed:
            event.then(inputs=self.choice, outputs=self.choice, **offering)

    def warn_in(self, place: Any) -> None:
        """Say in `place`, as long as the remote model is chosen, what that means."""
        if self._remote is None:
            return
        warning = json.dumps(warn_of(self._remote))
        js = f"(chosen) => chosen === '{REMOTE}' ? {warning} : ''"
        self.choice.change(None, self.choice, place, js=js, **INSTANT)


def warn_of(remote: RemoteModel) -> str:
    """That the prompt will leave this machine, for before it does."""
    return notice(
        "warning",
        f"Generate sends the prompt to {remote.host}: it leaves this machine.",
        f"{remote.name} answers there beside the model here. This is for one run; then Compare "
        "with goes back to Nothing.",
    )


def compare_remote(
    request: CompletionRequest, settings: Sequence[Any], here: str, remote: RemoteModel
) -> tuple[Take, ...]:
    """`request` to the model here, of that name, and to the remote one.

    Raises:
        CapabilityError: it has a header, for which the remote family's tokens are not known.
    """
    if request.header:
        raise CapabilityError(
            "A model on another machine cannot be told the header.",
            "Empty the header, or compare with a preset.",
        )
    return (
        Take(here, request, tuple(settings)),
        Take(remote.title, request, tuple(settings), remote=remote.title),
    )


def compare(
    request: CompletionRequest, settings: Sequence[Any], chosen: object
) -> tuple[Take, ...]:
    """`request` as it is, and as the chosen preset would have it, named by what differs.

    The seed, where one is set, is the same.

    Args:
        settings: the controls' values, of which `request` was made.
        chosen: the drop-down's value.

    Raises:
        InvalidInputError: nothing differs, or the preset cannot be used.
    """
    title, preset = _read(chosen)
    here = dict(zip(FIELDS, settings, strict=True))
    there = here | preset
    params = replace(read_params(list(there.values())), logprobs=request.params.logprobs)
    fields = [field for field in FIELDS if (here[field] or "") != (there[field] or "")]
    if params == request.params or not fields:
        raise InvalidInputError(
            f"{title} is what is set already: there is nothing to compare.",
            "Change a setting, or compare with another preset.",
        )
    other = replace(request, params=params)
    return (
        Take(f"{AS_SET} · {_told(here, fields)}", request, tuple(here.values())),
        Take(f"{title} · {_told(there, fields)}", other, tuple(there.values())),
    )


def _read(chosen: object) -> tuple[str, dict[str, Any]]:
    try:
        fields = Fields.parse(str(chosen), "What to compare with")
        return fields.text("title"), _read_settings(fields.object("settings"))
    except ValueError as error:
        raise InvalidInputError(str(error), "Choose it anew.") from None


def _read_settings(fields: Fields) -> dict[str, Any]:
    """Those that it sets. A seed is no part of a preset."""
    names = [name for name in FIELDS if name in fields.keys and name != "seed"]
    return {name: fields.text(name) if name == "stop" else fields.number(name) for name in names}


def _told(settings: dict[str, Any], fields: Sequence[str]) -> str:
    return ", ".join(f"{TITLES[field].lower()} {_value(settings[field])}" for field in fields)


def _value(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\n", " ") if value not in (None, "") else "none"
