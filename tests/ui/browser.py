"""A real JupyterLab with real kernels in a real browser, for tests and for screenshots.

with Lab(folder) as lab, lab.open(["from labkit.widgets import ModelPicker", "ModelPicker()"]) as notebook:
    notebook.page.click(…)
    notebook.python("picker.value")
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE = 90  # seconds that a busy machine may take to start a server or a kernel


class Lab:
    """A JupyterLab server of its own, with a browser beside it.

    Args:
        folder: where notebooks and settings go; the server's root is ``folder/root``.
        environment: variables for the server and its kernels.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.root = folder / "root"
        self.runtime = folder / "runtime"
        self.root.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        settings = folder / "settings" / "@jupyterlab"
        (settings / "apputils-extension").mkdir(parents=True, exist_ok=True)
        (settings / "apputils-extension" / "notification.jupyterlab-settings").write_text('{"fetchNews":"false"}')
        (settings / "notebook-extension").mkdir(exist_ok=True)
        # every cell stays in the page, so that a test finds what it looks for
        (settings / "notebook-extension" / "tracker.jupyterlab-settings").write_text('{"windowingMode":"none"}')
        self.settings = settings
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            **(environment or {}),
        }
        self.log = (folder / "jupyter.log").open("wb")
        self.server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--allow-root",
                f"--port={self.port}",
                "--IdentityProvider.token=",
                "--ServerApp.disable_check_xsrf=True",
                "--LabApp.expose_app_in_browser=True",
                f"--ServerApp.root_dir={self.root}",
            ],
            env=environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Lab:
        from playwright.sync_api import sync_playwright

        ends = time.monotonic() + _PATIENCE
        while True:
            try:
                self.api("/api/status")
                break
            except OSError:
                if time.monotonic() > ends or self.server.poll() is not None:
                    raise
                time.sleep(0.3)
        self._playwright = sync_playwright().start()
        self.browser = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()
        self._playwright.stop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.log.close()

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the server."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def theme(self, name: str) -> None:
        """Choose the theme, "light" or "dark", for pages opened from now on."""
        file = self.settings / "apputils-extension" / "themes.jupyterlab-settings"
        file.write_text(json.dumps({"theme": f"JupyterLab {name.capitalize()}"}))

    @contextlib.contextmanager
    def open(self, cells: Sequence[str], *, width: int = 1250, height: int = 950) -> Iterator[Notebook]:
        """A new notebook with these code cells, all of them run."""
        name = f"{uuid.uuid4().hex[:8]}.ipynb"
        content = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"c{i}",
                    "metadata": {},
                    "execution_count": None,
                    "outputs": [],
                    "source": c,
                }
                for i, c in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(content), "utf-8")
        context = self.browser.new_context(viewport={"width": width, "height": height})
        notebook = Notebook(self, name, context.new_page())
        try:
            notebook.load()
            notebook.run_all()
            yield notebook
        finally:
            notebook.close()
            context.close()


class Notebook:
    """An open notebook: its page, and the kernel behind it.

    Attributes:
        page: the browser's page.
        problems: uncaught errors of the page's scripts.
    """

    def __init__(self, lab: Lab, name: str, page: Any) -> None:
        self.lab, self.name, self.page = lab, name, page
        self.problems: list[str] = []
        self._client: Any = None
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._dialog)

    def load(self) -> None:
        """Open the page, or open it again."""
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}?reset", wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=_PATIENCE * 1000)
        self.page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.getAttribute('data-status') === 'idle'",
            timeout=_PATIENCE * 1000,
        )
        # "idle" is also said before there is a kernel, and whoever runs a cell then is asked for one
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends and self.name not in [
            session["path"] for session in self.lab.api("/api/sessions")
        ]:
            self.page.wait_for_timeout(100)
        self.page.wait_for_function(
            "() => /\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent ?? '')"
        )
        if self.page.locator(".jp-FileBrowser").is_visible():
            self.page.keyboard.press("Control+b")

    def theme(self, name: str) -> None:
        """Change the theme of the open page: "light" or "dark"."""
        theme = f"JupyterLab {name.capitalize()}"
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)

    def looks(self, *widths: int) -> Iterator[tuple[str, int]]:
        """The open page in the dark and the light theme, at some widths, of which JupyterLab takes 140 pixels."""
        for theme in ("dark", "light"):
            self.theme(theme)
            for width in widths:
                self.page.set_viewport_size({"width": width, "height": 950})
                self.page.wait_for_timeout(300)
                yield theme, width

    def reload(self) -> None:
        """Save the notebook and load the page again."""
        self.page.evaluate("() => document.activeElement?.blur()")
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !document.querySelector('.lm-TabBar-tab.jp-mod-dirty')", timeout=20_000)
        self.load()

    def run_all(self) -> None:
        """Run every cell and wait for the kernel to be idle again.

        Raises:
            AssertionError: a cell raised.
        """
        self.page.locator(".jp-Notebook").first.focus()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        before = self.prompts()
        self.page.locator('[data-command="runmenu:run-all"]').click()
        self.settle(before)
        outputs = self.page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
        failed = outputs.filter(has_text="Traceback (most recent call last)")
        assert failed.count() == 0, failed.first.inner_text()

    def settle(self, before: list[str] | None = None) -> None:
        """Wait until every cell has run.

        Args:
            before: the cells' prompts before they were told to run, which on a busy machine takes a while to show.
        """
        from playwright.sync_api import TimeoutError as TooLate

        prompts = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent)"
        begun = f"old => {prompts}.some((text, i) => text.includes('*') || text !== old[i])"
        # after a restart a quick cell may carry the same number again before anybody looks
        with contextlib.suppress(TooLate):
            self.page.wait_for_function(begun, arg=before or self.prompts(), timeout=10_000 if before else 1000)
        done = f"() => {prompts}.every(text => /\\d/.test(text))"
        self.page.wait_for_function(done, timeout=_PATIENCE * 1000)

    def prompts(self) -> list[str]:
        """What stands beside the cells: their numbers, or a star."""
        found: list[str] = self.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
        return found

    def widget(self, name: str = "") -> Any:
        """The locator of a widget's root, by its accessible name where there are several."""
        return self.page.locator(f'.labkit[aria-label="{name}"]' if name else ".labkit").first

    @property
    def kernel(self) -> str:
        """The id of the notebook's kernel."""
        sessions = self.lab.api("/api/sessions")
        return str(next(s["kernel"]["id"] for s in sessions if s["path"] == self.name))

    def python(self, expression: str) -> Any:
        """The value of an expression in the notebook's kernel, by way of JSON.

        Raises:
            AssertionError: it raised.
        """
        return json.loads(self.execute(f"import json as _json; print(_json.dumps({expression}, default=str))"))

    def execute(self, code: str) -> str:
        """Run statements in the notebook's kernel; what they print."""
        from jupyter_client import BlockingKernelClient

        if self._client is None:
            self._client = BlockingKernelClient(connection_file=str(self.lab.runtime / f"kernel-{self.kernel}.json"))
            self._client.load_connection_file()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=_PATIENCE)
        said: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                said.append(content["text"])
            elif message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))

        self._client.execute_interactive(code, output_hook=hear, timeout=_PATIENCE, store_history=False)
        return "".join(said)

    def restart(self) -> None:
        """Restart the kernel: nothing that lived in it is left."""
        self._drop_client()
        # through the menu, as a person does: behind its back JupyterLab would go on writing to subshells of the old kernel
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.locator('[data-command="kernelmenu:restart"]').click()
        self.page.locator(".jp-Dialog .jp-mod-warn").click()
        self.page.wait_for_timeout(1500)

    def kill(self) -> None:
        """Kill the kernel's process with SIGKILL; the server starts a new one by itself."""
        import psutil

        self._drop_client()
        for process in psutil.Process(self.lab.server.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(self.kernel in part for part in process.cmdline()):
                    process.kill()

    def axe(self, within: str = ".labkit") -> list[str]:
        """Serious and critical findings of axe-core inside the widgets, a line each."""
        from axe_playwright_python.base import AXE_FILE_PATH

        self.page.evaluate(Path(AXE_FILE_PATH).read_text("utf-8"))
        found = self.page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
        return [
            f"{v['id']} ({v['impact']}): {v['help']}: {v['nodes'][0]['html'][:200]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]

    def screenshot(self, path: Path, name: str = "") -> None:
        """A picture of a widget."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.widget(name).screenshot(path=path)

    def close(self) -> None:
        """End the kernel."""
        with contextlib.suppress(StopIteration, OSError):
            kernel = self.kernel
            self._drop_client()
            self.lab.api(f"/api/kernels/{kernel}", "DELETE")

    def _dialog(self, dialog: Any) -> None:
        if dialog.type == "beforeunload":
            dialog.accept()
        else:  # a text of a data set ran a script
            self.problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

    def _drop_client(self) -> None:
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
