"""A page opened from disk in a real browser, with everything it said and asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTRAST = """
() => {
  const channel = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) =>
    0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const inImage = element instanceof SVGElement;
    const ink = parse(inImage ? (style.fill === "none" ? style.color : style.fill) : style.color);
    const [light, dark] = [luminance(ink), luminance(ground(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      poor.push(`${walker.currentNode.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
  }
  return poor;
}
"""
"""Every visible text whose contrast is below WCAG 2.2 AA (1.4.3), by its formula of relative luminance."""

CUT = """
(all) => all.filter((text) => {
  const [words, image] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
  return words.width && (words.left < image.left - 1 || words.right > image.right + 1);
}).map((text) => text.textContent)
"""


@dataclass
class Opened:
    """A page, and what it did since it was opened."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def draw_all(self) -> None:
        """Bring every chart into view, and wait until all are drawn."""
        count = self.page.locator("figure.chart").count()
        for number in range(count):
            self.page.locator("figure.chart").nth(number).scroll_into_view_if_needed()
            self.page.locator("figure.chart").nth(number).locator(
                ".vega[role=img] svg"
            ).wait_for()  # named once it has its final size
        self.page.evaluate("scrollTo(0, 0)")

    @property
    def overflow_px(self) -> int:
        """How much wider the page is than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    @property
    def spilling_cells(self) -> list[str]:
        """Cells of tables whose words stand over what is beside them."""
        return self.page.locator("th, td").evaluate_all(
            "all => all.filter((cell) => cell.scrollWidth > cell.clientWidth + 1)"
            ".map((cell) => cell.textContent.trim())"
        )

    @property
    def hidden_values(self) -> list[str]:
        """Heads of tables of a name and a value, whose value begins outside of the window."""
        return self.page.locator("table:not(:has(th:nth-child(3)))").evaluate_all(
            "all => all.map((table) => table.parentElement)"
            ".filter((frame) => frame.scrollWidth > frame.clientWidth + 1)"
            ".map((table) => table.textContent.trim().slice(0, 40))"
        )

    @property
    def cut_words(self) -> list[str]:
        """Words of plots that reach out of them, where they are cut off."""
        return self.page.locator("svg text").evaluate_all(CUT)

    @property
    def poor_contrasts(self) -> list[str]:
        return self.page.evaluate(CONTRAST)


def open_page(browser: Any, path: Path, width_px: int = 1280, theme: str = "light") -> Opened:
    """Open a file as a reader would by a click on it."""
    context = browser.new_context(viewport={"width": width_px, "height": 900}, color_scheme=theme)
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: message.type == "error" and opened.errors.append(message.text))
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on("dialog", lambda dialog: opened.errors.append(dialog.message))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(path.as_uri())
    return opened


def seconds_to_a_sorted_table(browser: Any, path: Path) -> float:
    """Seconds from asking for a page, with nothing of it cached, to a table that was sorted by a click."""
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.locator("th button.sort").first.click()
    page.locator("th[aria-sort]").wait_for()
    seconds = time.perf_counter() - started
    context.close()
    return seconds
