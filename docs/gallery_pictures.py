"""Takes the pictures of README and gallery from a study's report: `python docs/gallery_pictures.py STUDY`.

Needs Chromium on the path, as the tests of the page do.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
# Name of a picture -> what it shows of the page; all but the first are elements.
FIGURES = {
    "gain": "figure.chart:has(#chart-gain)",
    "confusion-differences": "figure.chart:has(#chart-confusion_differences)",
    "samples": "section#samples figure.enlargeable >> nth=0",
    "growth": "figure.growth",
}
WIDTH, HEIGHT = 1400, 900
FIRST_SCREEN_BOTTOM = "div.caveats"


def main(study: Path) -> None:
    """Write a PNG for each figure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto((study / "report" / "report.html").resolve().as_uri())
        page.wait_for_timeout(4000)
        # The images of each step in place of the animation.
        page.evaluate(
            "document.querySelectorAll('figure.growth').forEach(each => each.querySelector('.film').remove())"
        )
        page.evaluate("document.querySelectorAll('figure.growth details').forEach(each => each.open = true)")
        write("report", first_screen(page))
        for name, selector in FIGURES.items():
            write(name, page.locator(selector).first.screenshot())
        page.goto((study / "report" / "real_or_fake.html").resolve().as_uri())
        page.wait_for_timeout(1000)
        write("real-or-fake", page.screenshot())


def first_screen(page: Page) -> bytes:
    """The page from its top to the end of the caveats, without the contents at its side."""
    left = page.locator("header").bounding_box()
    bottom = page.locator(FIRST_SCREEN_BOTTOM).first.bounding_box()
    assert left is not None and bottom is not None
    clip = {"x": left["x"] - 16, "y": 0, "width": WIDTH - left["x"] + 16, "height": bottom["y"] + bottom["height"]}
    return page.screenshot(clip=clip)


def write(name: str, png: bytes) -> None:
    """Save a picture for README or gallery."""
    (IMAGES / f"quickstart-{name}.png").write_bytes(png)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
