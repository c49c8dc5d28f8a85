"""A headless Chromium, driven over its DevTools protocol through a pair of pipes."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from tests.support.polling import PATIENCE
from tests.support.servers import Unavailable

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# Chromium reads commands from file descriptor 3 and writes to 4; Python hands on others.
LAUNCHER = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Page:
    """One tab; it shares neither cookies nor a cache with others.

    Attributes:
        responses: Status and URL of everything that the page has loaded.
        complaints: What the page, or Chromium about it, wrote to the console as an error.
    """

    _numbers = itertools.count(1)  # of commands, all tabs' together

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands = commands
        self._answers = answers
        self._session: str | None = None
        self.responses: list[tuple[int, str]] = []
        self.complaints: list[str] = []
        self._context = self.call("Target.createBrowserContext")
        blank = self.call("Target.createTarget", url="about:blank", **self._context)
        target = blank["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends one command and returns what it answers."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer)
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def open(self, url: str, *, width: int = 1280, height: int = 900) -> None:
        """Goes to an address in a window of this size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, (url, answer)

    def evaluate(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression; promises are awaited."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Waits until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(f"Boolean(document.body && ({expression}))"):
            if time.monotonic() > end:
                text = self.evaluate("document.body.innerText")
                raise AssertionError(f"waited in vain for {expression}; the page says: {text}")
            time.sleep(0.1)

    def text(self) -> str:
        """The text that a person sees."""
        return str(self.evaluate("document.body.innerText"))

    def type(self, selector: str, text: str) -> None:
        """Types into the field that has the focus by itself, as a keyboard does.

        A page gives the focus (`autofocus`) when it is first drawn, a while after the field
        is there: what is typed before goes nowhere.

        Args:
            selector: The field, in CSS.
            text: What to type.
        """
        self.wait_for(f"document.activeElement == document.querySelector({json.dumps(selector)})")
        self.call("Input.insertText", text=text)
        self.wait_for(f"document.activeElement.value == {json.dumps(text)}")

    def press_enter(self) -> None:
        """Presses the enter key."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                text="\r",
                windowsVirtualKeyCode=13,
            )

    def screenshot(self, file: Path) -> None:
        """Writes what the window shows as a PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Closes it; what it has stored goes with it."""
        self._session = None  # asked of the browser
        self.call("Target.disposeBrowserContext", **self._context)

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has closed its pipe"
            message += byte
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("sessionId") != self._session:
            return  # another tab's
        parameters = event.get("params", {})
        match event.get("method"):
            case "Network.responseReceived":
                response = parameters["response"]
                self.responses.append((response["status"], response["url"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))


class Browser:
    """A running Chromium."""

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self._commands, self._answers = commands, answers

    @contextmanager
    def tab(self) -> Iterator[Page]:
        """A tab for as long as the block lasts; one at a time."""
        page = Page(self._commands, self._answers)
        try:
            yield page
        finally:
            page.close()


def program() -> str:
    """Where Chromium is.

    Raises:
        Unavailable: It is not installed.
    """
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        raise Unavailable("no Chromium is installed (Debian: apt-get install chromium)")
    return found


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Starts a browser with a fresh profile.

    Args:
        profile: An empty folder.

    Raises:
        Unavailable: No Chromium is installed.
    """
    commands_out, commands_in = os.pipe()
    answers_out, answers_in = os.pipe()
    launch = [sys.executable, "-c", LAUNCHER, str(commands_out), str(answers_in)]
    process = subprocess.Popen(
        [*launch, program(), *FLAGS, f"--user-data-dir={profile}"],
        pass_fds=(commands_out, answers_in),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_out)
    os.close(answers_in)
    with open(commands_in, "wb") as commands, open(answers_out, "rb") as answers:
        try:
            yield Browser(commands, answers)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=60)
        return
    process.kill()
    process.wait()
