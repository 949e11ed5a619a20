"""The conversations of the Chat tab as a person works with them, for browser tests."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.tabs import TIMEOUT, send_message, turns, wait_until_over

LIST = "#chat-talk-list"
BOX = "#chat-message textarea"


def said(page: Page, who: str = "bot") -> Locator:
    return turns(page, who)


def ask(page: Page, *texts: str) -> None:
    """Ask for each text, and wait until it and its record are there."""
    for text in texts:
        before = said(page).count()
        send_message(page, f"SAY: {text}")
        expect(said(page)).to_have_count(before + 1, timeout=TIMEOUT)
        expect(said(page).last).to_have_text(text, timeout=TIMEOUT)
        wait_until_over(page, "chat")
        wait_until_kept(page, f'"text":"{text}"')


def wait_until_kept(page: Page, text: str) -> None:
    """Until a conversation's record holds `text`, as JSON writes it."""
    page.evaluate(
        """async (text) => {
            const {transact, whole} = playgroundKept;
            // The history's entries have works, too.
            const all = () => transact(["talks", "works"], "readonly", async (talks, works) => {
                const ids = new Set(await whole(talks.getAllKeys()));
                return (await whole(works.getAll())).filter(({id}) => ids.has(id));
            });
            const plain = (work) => work.replaceAll('\\\\"', '"').replaceAll('": ', '":');
            const holds = ({work}) => plain(work).includes(text);
            while (!(await all()).some(holds)) await new Promise(requestAnimationFrame);
        }""",
        text,
    )


def rows(page: Page) -> Locator:
    return page.locator(f"{LIST} li")


def names(page: Page) -> Locator:
    return rows(page).locator(".pg-kept-entry span")


def current(page: Page) -> Locator:
    """The name of the conversation that is shown."""
    return page.locator(f"{LIST} li[aria-current=true] .pg-kept-entry span")


def row_of(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_text(name, exact=True))


def go_to(page: Page, name: str) -> None:
    row_of(page, name).locator(".pg-kept-entry").click()
    expect(current(page)).to_have_text(name)


def begin_new(page: Page) -> None:
    page.get_by_role("button", name="New chat").click()
    expect(said(page, "user")).to_have_count(0, timeout=TIMEOUT)


def do(page: Page, act: str, name: str) -> None:
    """Press one of the small buttons of a conversation."""
    row_of(page, name).hover()
    page.get_by_role("button", name=f"{act} “{name}”").click()


def note(page: Page) -> Locator:
    return page.locator(f"{LIST} [role=status]")
