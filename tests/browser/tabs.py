"""The page as a person works with it, for browser tests."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

# Milliseconds; only a failure waits so long. The real model on a busy machine needs it.
TIMEOUT = 60_000


def open_page(page: Page, url: str) -> None:
    """The page, once its events are wired and its models are there."""
    page.goto(url)
    expect(page.locator(".pg-chip.pg-ready")).to_have_count(2, timeout=TIMEOUT)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.locator(f"#{name.lower()}-run")).to_be_visible()


def open_section(page: Page, title: str) -> None:
    """Unfold it, and let it be painted: Gradio puts what it held back there up to a frame later,
    over what a script has typed by then."""
    page.get_by_role("button", name=title).click()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")


def type_code(page: Page, elem_id: str, text: str) -> None:
    """Replace what stands in an editor, as pasting does: no key indents on its own."""
    page.locator(f"#{elem_id} .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def code_in(page: Page, elem_id: str) -> str:
    """The whole text of an editor; the page itself holds only the lines in view."""
    return str(page.evaluate("name => playgroundEditors.get(name).text", elem_id))


def wait_for_code(page: Page, elem_id: str, text: str) -> None:
    """Until an editor holds `text`: what the server puts there arrives after the status does."""
    page.wait_for_function(
        "([name, text]) => playgroundEditors.get(name).text === text",
        arg=[elem_id, text],
        timeout=TIMEOUT,
    )


def status(page: Page, tab: str) -> Locator:
    return page.locator(f"#{tab}-status")


def wait_until_over(page: Page, tab: str) -> None:
    expect(status(page, tab)).to_contain_text("context", timeout=TIMEOUT)
    expect(page.locator(f"#{tab}-run")).to_be_visible()


def generated(page: Page, place: str) -> str:
    """What a model wrote: in an editor, what is marked there; in a pane, what is shown as new."""
    found = page.evaluate(
        "place => playgroundEditors.get(place)?.generated"
        " ?? document.querySelector(`#${place} .pg-new`)?.textContent",
        place,
    )
    return found or ""


def wait_for_generated(page: Page, editor: str, num_chars: int) -> None:
    """Until at least so many characters are marked in that editor as generated."""
    page.wait_for_function(
        "([name, size]) => playgroundEditors.get(name).generated.length >= size",
        arg=[editor, num_chars],
        timeout=TIMEOUT,
    )


def wait_for_text(page: Page, selector: str, num_chars: int) -> None:
    """Until that element holds at least so many characters."""
    page.wait_for_function(
        "([selector, size]) => document.querySelector(selector)?.textContent.length >= size",
        arg=[selector, num_chars],
        timeout=TIMEOUT,
    )


def wait_until_kept(page: Page, text: str) -> None:
    """Until the browser keeps a draft that holds `text`."""
    page.evaluate(
        """async (text) => {
            const all = (drafts) => new Promise((resolve) => {
                const request = drafts.getAll();
                request.onsuccess = () => resolve(JSON.stringify(request.result));
            });
            const kept = () => playgroundKept.transact(["drafts"], "readonly", all);
            while (!(await kept()).includes(text)) await new Promise(requestAnimationFrame);
        }""",
        text,
    )


def send_message(page: Page, text: str) -> None:
    """Ask in the Chat tab, and see the run begin, however soon it is over: Stop appeared."""
    page.locator("#chat-message textarea").fill(text)
    page.evaluate(
        """() => {
            window.stopAppeared = false;
            new MutationObserver((_, observer) => {
                if (!document.querySelector("#chat-stop")) return;
                window.stopAppeared = true;
                observer.disconnect();
            }).observe(document.body, {childList: true, subtree: true});
        }"""
    )
    page.locator("#chat-message textarea").press("Enter")
    page.wait_for_function("window.stopAppeared", timeout=TIMEOUT)


def setting(page: Page, tab: str, field: str) -> Locator:
    """The box of a sampling setting."""
    name = "stop-strings" if field == "stop" else field  # "stop" is the button
    return page.locator(f"#{tab}-{name} :is(input, textarea)").first


def turns(page: Page, who: str) -> Locator:
    """The texts of one side, "user" or "bot", of the conversation that is shown."""
    return page.locator(f"#chat-conversation [data-testid={who}] .message-content")
