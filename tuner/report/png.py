"""Figures as PNG, drawn by a headless Chromium from one page that needs no network."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from plotly.io import to_json
from plotly.offline import get_plotlyjs

from storage.files.scratch import scratch
from tuner.errors import UserError
from tuner.report.document import Picture

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # as root in a container there is none; the page is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=600000",  # milliseconds that the page may wait for itself
    "--dump-dom",
)
WIDTH = 900  # pixels
PATIENCE = 120  # seconds
SCRIPT = """
(async () => {
  const images = [];
  for (const {figure, width, height} of figures) {
    figure.layout.paper_bgcolor = "white";
    images.push(await Plotly.toImage(figure, {format: "png", width, height, scale: 2}));
  }
  document.body.textContent = "images:" + JSON.stringify(images) + ":images";
})();
"""


def render(pictures: Sequence[Picture]) -> list[bytes]:
    """The pictures as PNG files, in their order.

    Raises:
        UserError: No Chromium is installed, or it does not draw.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise UserError(
            "Expected Chromium or Chrome, which draw the pictures of a Markdown report. Received: "
            "neither is installed. Install one, or write a page with --format html."
        )
    with scratch() as folder:
        page = folder / "page.html"
        page.write_text(_page(pictures), encoding="utf-8")
        shown = _shown(program, page, folder / "profile")
    match = re.search(r"images:(\[.*?\]):images", shown, re.DOTALL)
    if match is None:
        raise UserError(
            f"Expected {program} to draw {len(pictures)} pictures. Received: none. "
            "Write a page with --format html instead."
        )
    return [base64.b64decode(image.partition(",")[2]) for image in json.loads(match[1])]


def _page(pictures: Sequence[Picture]) -> str:
    figures = ",".join(
        f'{{"figure": {to_json(picture.figure)}, "width": {WIDTH}, "height": {picture.height}}}'
        for picture in pictures
    ).replace("</", "<\\/")
    script = f"const figures = [{figures}];{SCRIPT}"
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>'
        f"<script>{get_plotlyjs()}</script><script>{script}</script></body></html>"
    )


def _shown(program: str, page: Path, profile: Path) -> str:
    """The page's own text once its scripts are done."""
    command = [program, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise UserError(
            f"Expected {program} to draw the pictures. Received: {type(e).__name__}. "
            "Write a page with --format html instead."
        ) from e
    return ended.stdout
