"""What a person does in the page, and how long they wait for what they see."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from georetrieve.errors import ServiceError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["Person"]

WINDOW = {"width": 1280, "height": 720}
PATIENCE_MS = 60_000
POLLING_MS = 20  # looking at every frame would take a third of the browser's time

# The ids of the cards, once they are others than those seen before, at least some, and every
# thumbnail in sight is drawn. Components are in shadow roots, which selectors do not enter.
_DRAWN = """
([seen, least]) => {
  const hosts = [...document.querySelectorAll("[data-testid=stBidiComponentIsolated]")];
  const inHost = (host) => [...(host.shadowRoot ?? host).querySelectorAll(".card[data-id]")];
  const cards = hosts.flatMap(inHost);
  const ids = cards.map((card) => card.dataset.id).join("\\n");
  if (cards.length < least || ids === seen) return false;
  const inSight = (card) => {
    const box = card.getBoundingClientRect();
    return box.height > 0 && box.bottom > 0 && box.top < innerHeight;
  };
  const images = cards.filter(inSight).flatMap((card) => [...card.querySelectorAll("img")]);
  return images.length > 0 && images.every((image) => image.complete && image.naturalWidth) && ids;
}
"""
_AT_REST = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState == 'notRunning'"
_SAYS = "([text]) => document.body.innerText.includes(text)"


class Person:
    """Somebody with a browser that has not seen the page before.

    Args:
        browser: That is open.
        waited: Seconds, by what was waited for; grows.
    """

    def __init__(self, browser: Browser, waited: defaultdict[str, list[float]]) -> None:
        self._context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]  # a TypedDict
        self._context.set_default_timeout(PATIENCE_MS)
        self._tab: Page = self._context.new_page()
        self._waited = waited
        self._seen = ""

    def close(self) -> None:
        """Close the browser's window."""
        self._context.close()

    def open(self, url: str, step: str) -> None:
        """Open the page in a new tab."""
        self._tab.close()
        self._tab, self._seen = self._context.new_page(), ""
        self._wait(step, lambda: self._tab.goto(url, wait_until="commit"))

    def turn(self, step: str) -> None:
        """Go to the next page of the gallery."""
        self._click(step, self._tab.get_by_test_id("stPaginationNext"))

    def filter(self, condition: str, step: str) -> None:
        """Type a condition, or take it away."""
        field = self._tab.get_by_role("textbox", name="Expression")
        field.fill(condition)
        self._wait(step, lambda: field.press("Enter"))

    def sort(self, step: str) -> None:
        """Turn the order round."""
        self._click(step, self._tab.get_by_role("switch", name="Falling"))

    def query(self, place: int, step: str, *, least: int) -> None:
        """Click a picture and see its neighbours, ``least`` at least."""
        picture = self._tab.locator(".card").nth(place).locator("img")
        self._click(step, picture, least=least)

    def back(self, step: str) -> None:
        """Go back to the gallery."""
        self._click(step, self._tab.get_by_role("link", name="Browse"))

    def look_at_bare_page(self, url: str, page_step: str, again_step: str, *, times: int) -> None:
        """Open a bare Streamlit page, and click its button some times."""
        self._wait_for(page_step, lambda: self._tab.goto(url, wait_until="commit"), _SAYS, "run 1")
        button = self._tab.get_by_role("button", name="again")
        for number in range(times):
            self._wait_for(
                again_step, lambda: button.evaluate("it => it.click()"), _SAYS, f"run {number + 2}"
            )
            self._rest()

    def _click(self, step: str, what: Locator, *, least: int = 1) -> None:
        # An event, and not the pointer: moving it there would be timed too.
        self._wait(step, lambda: what.evaluate("it => it.click()"), least=least)

    def _wait(self, step: str, act: Callable[[], object], *, least: int = 1) -> None:
        self._seen = self._wait_for(step, act, _DRAWN, self._seen, least)
        self._rest()

    def _wait_for(self, step: str, act: Callable[[], object], what: str, *arguments: object) -> Any:  # noqa: ANN401 - what JavaScript returns
        from playwright.sync_api import Error

        start = time.perf_counter()
        try:
            act()
            seen = self._tab.wait_for_function(what, arg=list(arguments), polling=POLLING_MS)
        except Error as error:
            said = " ".join(self._tab.get_by_role("alert").all_inner_texts())
            raise ServiceError(
                f"The page did not show what it should ({step}): "
                f"{said or str(error).splitlines()[0]}"
            ) from error
        self._waited[step].append(time.perf_counter() - start)
        return seen.json_value()

    def _rest(self) -> None:
        self._tab.wait_for_function(_AT_REST)
