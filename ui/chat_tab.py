"""The Chat tab: a conversation whose every turn can be edited, taken back and asked again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import gradio as gr

from model.loading.assistant_prompt import AssistantPromptSource
from model.loading.slot import SlotStatus
from model.service import GenerationService
from ui.actions import EACH_TIME, INSTANT, STREAMING, Updates
from ui.answerers import ANSWERERS, Answerer, Answerers, read_choice
from ui.asking import Asked, Asking
from ui.attachments import Files, with_files
from ui.chat_advice import ChatAdvice
from ui.chat_told import branch_reply
from ui.chat_view import ChatView, Kept
from ui.controls import FIELDS, read_params
from ui.conversation import Messages
from ui.conversation_steps import ConversationSteps
from ui.gathered import Gathered
from ui.markdown import unescape_prose
from ui.meter import Reading
from ui.next_turn import NextTurn
from ui.notices import notice
from ui.prompt_panel import Wanted
from ui.runs import Runs
from ui.status import IDLE
from ui.status import say as say_status
from ui.talk_list import TalkList
from ui.token_view import STALE
from ui.told_tokens import Told
from ui.work import ChatContent, Work


class ChatTab:
    """Builds the tab where it is called, and wires it. It keeps no value of a component."""

    def __init__(
        self, service: GenerationService, runs: Runs, prompts: AssistantPromptSource
    ) -> None:
        self._answerers = Answerers(service.residency, prompts)
        self._view = ChatView(service.residency, self._answerers)
        self._advice = ChatAdvice(self._view, service.residency, self._answerers)
        self._asking = Asking(self._view, self._answerers, runs)
        self._steps = ConversationSteps(self._view, self._answerers, self._asking)
        self.settings, self.side = self._view.settings, self._view.side
        self.seed, self.presets = self._view.seed, self._view.presets
        self._wire()

    def updates_for(self, status: SlotStatus) -> Updates:
        """What the tab says about the model in the chat slot, and about that in the base slot."""
        return self._advice.updates_for(status)

    @property
    def outputs(self) -> list[Any]:
        """The components that `updates_for` changes."""
        return [self._view.choice, self._view.refusal]

    def fill_system_prompt_on(self, *triggers: Any) -> Any:
        return self._advice.fill_system_on(triggers)

    def measure_on(self, *triggers: Any) -> None:
        """Have the context's meter follow the typing, and these events of the page."""
        view = self._view
        typed = [
            *(view.box, view.system, view.begin, view.choice),
            view.controls.max_new_tokens,
        ]
        inputs = [view.attached.files, *typed, *view.conversation]
        typing = [component.change for component in typed]
        typing.append(view.attached.changed)
        view.meter.follow(inputs, self._read_context, *typing, *triggers)
        for event in self._conversation_events:
            event.then(**view.meter.touched)

    def explain_on(self, *triggers: Any, needs_key: bool) -> None:
        """Have the exact prompt follow what is typed and set, and these events of the page."""
        view = self._view
        changes = [component.change for component in (view.box, *view.asked_with)]
        changes.append(view.attached.changed)
        inputs = [view.attached.files, view.box, *view.given]
        view.prompt.follow(inputs, self._wanted, *changes, *triggers, needs_key=needs_key)
        for event in self._conversation_events:
            event.then(**view.prompt.touched)

    def recommend_on(self, *triggers: Any) -> Any:
        return self._advice.recommend_on(triggers)

    def follow_conversation_at(self, event: Any) -> None:
        """The conversation changes at `event`, too. To be said before what follows it is wired."""
        self._conversation_events.append(event)

    @property
    def status(self) -> Any:
        return self._view.status

    @property
    def work_inputs(self) -> list[Any]:
        """What `read_work` and `show_work` take the values of."""
        return [self._view.box, self._advice.filled, self._view.talk, *self._view.given]

    @property
    def work_outputs(self) -> list[Any]:
        """The components that `show_work` changes."""
        view = self._view
        asked_with = [*view.asked_with, view.box, self._advice.is_greeted]
        return [*view.shown, view.talk, view.cleared, view.restore, *asked_with]

    @property
    def draft(self) -> dict[str, Any]:
        """What the browser keeps as it changes."""
        view = self._view
        answers = zip(ANSWERERS, view.pair.inputs[1:], strict=True)
        return {
            "draft": view.box,
            "system": view.system,
            "begin": view.begin,
            "answered_by": view.choice,
            "talk": view.talk,
            "branches": view.written,
            "drawn": view.seed,
            "conversation": view.chatbot,
            **{f"answer_{name}": component for name, component in answers},
            **dict(zip(FIELDS, view.controls.components, strict=True)),
        }

    @property
    def shown_while_it_comes(self) -> list[Any]:
        return [self._view.chatbot]

    @property
    def authors(self) -> dict[Answerer, str]:
        """The names of who can answer."""
        return {name: self._answerers.name(name) for name in ANSWERERS}

    @property
    def talks(self) -> TalkList:
        return self._view.talks

    def read_work(self, draft: str | None, _: tuple[str, str], __: str, *values: Any) -> Work:
        """Of two answers on show each becomes a version, the one that stands the one shown."""
        view = self._view
        given = view.read_given(values)
        conversation = given.conversation
        question, answers = view.pair.read(values[2 : 2 + len(view.pair.inputs)])
        if question and conversation.messages[:-1] == question:
            texts = zip(map(self._answerers.name, ANSWERERS), answers, strict=True)
            given_answers = {author: text for author, text in texts if text}
            conversation = values[0].graft(question).offer(given_answers)
        content = ChatContent(conversation, given.system, given.begin, given.choice, draft or "")
        return Work(content, given.settings)

    async def show_work(self, work: Work, *values: Any) -> Updates:
        """As a new conversation. Restore goes back to what stood before; a message that was not
        sent stays."""
        return self.show_talk(uuid4().hex, work, *values, is_listed=False)

    def name_talk(self, talk: str) -> Updates:
        """What is shown is the browser's conversation of that name."""
        return {self._view.talk: talk}

    def begin_talk(
        self, talk: str, draft: str | None, filled: tuple[str, str], *rest: Any, is_listed: bool
    ) -> Updates:
        """A new, empty conversation with the model's own system prompt. The settings stay."""
        before = self._view.read_given(rest[1:])
        content = ChatContent(system=filled[1], answered_by=before.choice)
        work = Work(content, before.settings)
        return self.show_talk(talk, work, draft, filled, *rest, is_listed=is_listed)

    def show_talk(
        self,
        talk: str,
        work: Work,
        draft: str | None,
        filled: tuple[str, str],
        former: str,
        *values: Any,
        is_listed: bool,
    ) -> Updates:
        """The conversation that the browser calls `talk`.

        Args:
            is_listed: the browser has a record of all that stands there, the message that was not
                sent too. Otherwise Restore brings that back, and the message stays in the box.
        """
        assert isinstance(work.content, ChatContent)
        view, content, before = self._view, work.content, self._view.read_given(values)
        was_typed = before.begin or before.system not in ("", filled[1])
        is_kept = not is_listed and bool(before.conversation.turns or was_typed)
        typed = "" if is_listed else draft
        left = Kept(before.conversation, former, before.asked_with, is_all=True)
        asked_with = (content.answered_by, content.system, content.begin, *work.settings)
        note = say_status("Restore brings back what stood before") if is_kept else IDLE
        return (
            view.pair.close()
            | view.show(content.conversation)
            | dict(zip(view.asked_with, asked_with, strict=True))
            | ({view.cleared: left} if is_kept else {})
            | {
                view.talk: talk,
                view.seed: work.seed,
                view.box: "\n".join(filter(None, (content.draft, typed))),
                view.restore: gr.update(visible=True) if is_kept else gr.skip(),
                view.status: note,
                # The model's own settings and system prompt would take the place of these.
                self._advice.is_greeted: True,
            }
        )

    def _wire(self) -> None:
        brought_back = self._view.keeper.wire(self)
        self._conversation_events = [*self._wire_asking(), *self._wire_steps(), brought_back]
        view = self._view
        view.buttons.stop.click(self._asking.stop, None, view.buttons.outputs, **INSTANT)
        chosen = view.choice.change(
            self._advice.choose, view.choice, [view.note, view.system], **EACH_TIME
        )
        chosen.then(self._advice.fetch_prompt, view.choice, view.note, **INSTANT)

    def _wire_asking(self) -> list[Any]:
        view = self._view
        written, sent = [view.attached.files, view.box, *view.given], view.attached.outputs
        asking = {
            view.buttons.run.click: (self._send, written, sent),
            view.box.submit: (self._send, written, sent),
            view.retry.click: (self._ask_again, view.given, []),
            view.further.click: (self._go_on, view.given, []),
        }
        # What these tell is lost on the way over the page.
        telling = {
            view.chatbot.edit: (self._edit_turn, view.given),
            view.chatbot.example_select: (self._send_example, view.given),
            view.tokens.panel.list.select: (self._branch, [*view.tokens.clicked, *view.given]),
        }
        view.talks.stay_from([*asking, *telling])
        events = [
            Gathered(inputs).ask(trigger, run, [*view.streamed, *more], **STREAMING)
            for trigger, (run, inputs, more) in asking.items()
        ]
        events += [
            trigger(run, inputs, view.streamed, **STREAMING)
            for trigger, (run, inputs) in telling.items()
        ]
        view.talks.stay_until(events)
        return events

    def _wire_steps(self) -> list[Any]:
        view, steps = self._view, self._steps
        cleared = [*view.shown, view.cleared, view.restore]
        restored = [*cleared, view.talk, *view.asked_with]
        held = [view.talk, *view.given]
        draft = [view.box, *view.conversation]
        events = [
            view.undo.click(steps.take_back, draft, [view.box, *view.shown], **INSTANT),
            view.clear.click(steps.clear, held, cleared, **INSTANT),
            # Gradio's own button. The style sheet hides it: Clear below says what it does.
            view.chatbot.clear(steps.clear, held, cleared, **INSTANT),
            view.restore.click(steps.restore, [view.cleared, *held], restored, **INSTANT),
            view.turns.delete(steps.delete, held, cleared, **INSTANT),
            view.turns.select(steps.select_version, view.conversation, view.shown, **INSTANT),
        ]
        for answerer, button in view.pair.keep_buttons:
            kept = list(dict.fromkeys([*view.shown, *view.buttons.outputs]))
            keep = steps.keeper(answerer)
            events.append(button.click(keep, view.conversation, kept, **INSTANT))
        return events

    async def _send(
        self, request: gr.Request, files: Files, text: str | None, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        text = text or ""
        message = with_files(text, files)
        if not message.strip():
            empty = notice("error", "The message is empty.", "Write one first.")
            yield {self._view.status: empty}
            return
        given = self._view.read_given(values)
        asked = Asked(given.conversation.add("user", message), given.begin)
        is_sent = False
        async with aclosing(self._asking.reply(request, given, asked, text=text)) as steps:
            async for updates in steps:
                # They go when the text goes, and where no answer comes they come back with it.
                if files and self._view.box in updates:
                    updates |= await self._view.attached.show(files if is_sent else ())
                    is_sent = True
                yield updates

    async def _send_example(
        self, request: gr.Request, event: gr.SelectData, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        given, text = self._view.read_given(values), str(event.value["text"])
        asked = Asked(given.conversation.add("user", text), given.begin)
        async with aclosing(self._asking.reply(request, given, asked, text=text)) as steps:
            async for updates in steps:
                yield updates

    async def _ask_again(self, request: gr.Request, *values: Any) -> AsyncGenerator[Updates, None]:
        given = self._view.read_given(values)
        asked = Asked(given.conversation.up_to_last_user(), given.begin)
        if not asked.branches.path:
            yield {self._view.status: say_status("There is nothing to ask again yet")}
            return
        async with aclosing(self._asking.reply(request, given, asked, is_fresh=True)) as steps:
            async for updates in steps:
                yield updates

    async def _go_on(self, request: gr.Request, *values: Any) -> AsyncGenerator[Updates, None]:
        """The last reply gets longer, by the hand that wrote it where that can be told."""
        given = self._view.read_given(values)
        path = given.conversation.path
        if len(path) < 2 or path[-1].role != "assistant":
            yield {self._view.status: say_status("There is no reply to go on with yet")}
            return
        given = replace(given, choice=self._answerers.find(path[-1].author, given.choice))
        asked = Asked(given.conversation)
        async with aclosing(self._asking.reply(request, given, asked)) as steps:
            async for updates in steps:
                yield updates

    async def _branch(
        self,
        request: gr.Request,
        event: gr.EventData,
        told: Told,
        place: Messages,
        *values: Any,
    ) -> AsyncGenerator[Updates, None]:
        """Another version of the reply goes on from another token than was generated."""
        view, given = self._view, self._view.read_given(values)
        taken = view.tokens.take(event, told, place, given.conversation)
        if taken is None:
            yield {view.status: say_status(STALE)}
            return
        if not taken.text:
            yield {view.status: say_status("Nothing would be left of the reply · it stays")}
            return
        answerer = self._answerers.find(given.conversation.path[-1].author, given.choice)
        branched = branch_reply(given.conversation, taken, self._answerers.name(answerer))
        if taken.is_ended:
            ended = {view.status: say_status("Ended where you chose")}
            shown = view.pair.close() | view.show(branched) | ended
            yield shown | view.tokens.follow(taken).end(branched)
            return
        given = replace(given, choice=answerer)
        asked = Asked(branched, taken=taken)
        async with aclosing(self._asking.reply(request, given, asked)) as steps:
            async for updates in steps:
                yield updates

    async def _edit_turn(
        self, request: gr.Request, event: gr.EditData, *values: Any
    ) -> AsyncGenerator[Updates, None]:
        """A question's new version is asked; an answer's keeps what followed it."""
        view = self._view
        index = event.index[0] if isinstance(event.index, list | tuple) else event.index
        text = unescape_prose(str(event.value))
        branches, value, *rest = values
        # The browser has put the new text into the conversation already.
        former = [*value[:index], value[index] | {"content": str(event.previous_value)}]
        given = view.read_given((branches, [*former, *value[index + 1 :]], *rest))
        if given.conversation.path[index].role == "user":
            asked = Asked(given.conversation.branch(index, text), given.begin)
            async with aclosing(self._asking.reply(request, given, asked)) as steps:
                async for updates in steps:
                    yield updates
        else:
            revised = given.conversation.revise(index, text)
            yield view.pair.close() | view.show(revised)

    def _read_context(
        self,
        files: Files,
        text: str | None,
        system: str | None,
        begin: str | None,
        choice: object,
        limit: Any,
        *values: Any,
    ) -> list[Reading]:
        """What the next message would ask for, to be measured."""
        messages = self._view.read_conversation(values).messages
        turn = NextTurn(
            self._answerers,
            read_choice(choice),
            *(system or "", messages, with_files(text or "", files), begin or ""),
        )
        return turn.readings(limit)

    def _wanted(self, files: Files, text: str | None, *values: Any) -> list[Wanted]:
        """What Send would ask for, or else Retry."""
        given = self._view.read_given(values)
        messages, params = given.conversation.messages, read_params(given.settings)
        turn = NextTurn(
            self._answerers,
            *(given.choice, given.system, messages, with_files(text or "", files), given.begin),
        )
        return turn.wanted(params)
