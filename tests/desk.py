"""A folder to work in, and the command line: what a command says, and that it leaves every file as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from toys import toy_rows

from labkit import cli

GOOD = "text,topic\n" + "".join(f"{row['text']},{row['topic']}\n" for row in toy_rows())


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder with a hash of its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Desk:
    """A folder to work in, and the command line."""

    def __init__(self, home: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.model, self._capsys = home, model, capsys

    def put(self, name: str, content: str | bytes) -> str:
        (self.home / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def say(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, answer and messages of a command, none of which is ever a traceback."""
        self._capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def refused(self, *arguments: object) -> str:
        """The message of a command that must fail and leave every file as it was, and no new one."""
        before = files(self.home)
        code, _, err = self.say(*arguments)
        assert code == 1
        assert files(self.home) == before
        assert "labkit: " in err
        return err[err.index("labkit: ") :]

    def train(self, *arguments: object) -> tuple[object, ...]:
        """A toy training command."""
        settings = ("threads=1", "precision=float32", "epochs=1")
        quick = [part for setting in settings for part in ("--set", f"budget.{setting}")]
        return ("train", *arguments, "--model", self.model, *quick, "--set", "evaluation.resamples=100")

    def check(self, *arguments: object) -> tuple[object, ...]:
        return ("check", *arguments, "--model", self.model)
