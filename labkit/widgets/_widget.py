"""What every widget shares: the browser half, a closed set of commands, the static face and the equivalent cell.

State is in synced traits. What is asked once (a page of rows, a label to be saved) goes as a message with an id, is answered
with the same id, and an error is inside the answer. The same public method serves the browser, the notebook and the tests.
"""

from __future__ import annotations

import functools
import html
import json
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import anywidget
import traitlets

from labkit._places import named
from labkit.errors import LabError, suggest
from labkit.widgets import _keeping

STATIC = Path(__file__).with_name("static")
_LOG = logging.getLogger("labkit.widgets")

Method = TypeVar("Method", bound=Callable[..., Any])


def command(method: Method) -> Method:
    """Let the browser half call this method by its name; its keyword arguments and its answer are JSON values."""
    method._is_command = True  # type: ignore[attr-defined]
    return method


class LabWidget(anywidget.AnyWidget):
    """Base of the widgets.

    A subclass names its browser half with ``stem`` (``static/<stem>.js`` and ``.css``), marks methods with ``@command``, and
    gives ``face()`` and ``cell()``.

    Raises:
        LabError: a keyword that is no trait of the widget.
    """

    stem: ClassVar[str] = ""
    commands: ClassVar[frozenset[str]] = frozenset()
    by_hand: ClassVar[tuple[str, ...]] = ()
    """Traits that a person sets, and that ``keep_in`` keeps."""

    error = traitlets.Unicode("", help="What went wrong outside a command; shown at the top of the widget.").tag(
        sync=True
    )
    code = traitlets.Unicode("", help="The Python cell equal to what was clicked.").tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "stem" in cls.__dict__:  # not in the classes that add_traits derives
            cls._esm = STATIC / f"{cls.stem}.js"
            cls._css = STATIC / f"{cls.stem}.css"
        super().__init_subclass__(**kwargs)
        own = {name for base in cls.__mro__ for name, member in vars(base).items() if hasattr(member, "_is_command")}
        cls.commands = frozenset(own)

    def __init__(self, **traits: Any) -> None:
        for name in traits:
            if not self.has_trait(name):
                near = suggest(name, [n for n in self.trait_names() if not n.startswith("_")])
                do = f"did you mean {near}=?" if near else f"see help({type(self).__name__})"
                raise LabError(f"a keyword that {type(self).__name__} knows", f"{name}=", do)
        self.lock = threading.RLock()  # with kernel subshells, messages may come in another thread
        super().__init__(**traits)
        self.layout.width = "100%"  # also inside boxes
        self.on_msg(self._receive)

    # -- commands -------------------------------------------------------------------------------------------------------------

    def _receive(self, _: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict) or content.get("kind") != "call":
            return
        self.send({"kind": "reply", "id": content.get("id"), **self.answer(content.get("name"), content.get("args"))})

    def answer(self, name: Any, arguments: Any) -> dict[str, Any]:
        """Carry out a command of the browser half.

        Args:
            name: one of ``commands``.
            arguments: its keyword arguments.

        Returns:
            ``{"ok": True, "value": …}``, or ``{"ok": False, "error": {"type", "message"}}``.
        """
        if name not in self.commands:
            return _failed(LabError(f"a command of {type(self).__name__}", repr(name)))
        try:
            with self.lock:
                value = getattr(self, name)(**(arguments or {}))
        except LabError as error:
            return _failed(error)
        except Exception as error:  # it must be seen where the person is looking; a callback's traceback vanishes
            _LOG.exception("%s.%s", type(self).__name__, name)
            return _failed(error)
        return {"ok": True, "value": value}

    # -- keeping --------------------------------------------------------------------------------------------------------------

    def keep_in(self, file: str | os.PathLike[str]) -> Self:
        """Keep in a file what is set by hand, and take up what it holds, so that the cell, run again in a fresh kernel, shows
        what it showed: ``DataInspector(corpus).keep_in("inspector.json")``.

        What is kept is in ``by_hand`` of the class. What the cell itself asks for goes first once the cell was changed, and
        nothing is taken up for other data or another run. What no longer holds is left out, and ``error`` says so.

        Args:
            file: a file of this widget's own; it need not exist.

        Returns:
            The widget itself.

        Raises:
            LabError: the file is another widget's, or cannot be written.
        """
        path = named(file).absolute()
        asked = _as_json(self._set_by_hand())
        problems = []
        try:
            stored = _keeping.read(path)
        except LabError as error:
            stored, problems = {}, [str(error)]
        if stored.get("widget", self.stem) != self.stem:
            do = "give each widget a file of its own"
            raise LabError(f"a file of {type(self).__name__}", f"{path.name} of {str(stored['widget'])!r}", do)
        before, now = stored.get("asked", {}), stored.get("now", {})
        if stored.get("of") == self._kept_of():
            for name in self.by_hand:
                if name in now and now[name] != asked[name] and before.get(name) == asked[name]:
                    try:
                        self._take_up_value(name, now[name])
                    except (LabError, traitlets.TraitError) as error:
                        problems.append(f"{name} in {path.name} no longer holds: {error}")
        self.error = " ".join(problems)

        def write(_: Any = None) -> None:
            kept = {"widget": self.stem, "of": self._kept_of(), "asked": asked, "now": self._set_by_hand()}
            _keeping.write(path, kept, f"what {type(self).__name__} keeps in {path}")

        def told(change: Any) -> None:
            try:
                write(change)
            except LabError as error:
                self.error = str(error)

        write()
        self.observe(told, names=self._kept_traits())
        return self

    def _kept_of(self) -> str:
        """What the widget shows: what was kept for something else is not taken up."""
        return ""

    def _kept_traits(self) -> list[str]:
        return list(self.by_hand)

    def _set_by_hand(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.by_hand}

    def _take_up_value(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    # -- faces ----------------------------------------------------------------------------------------------------------------

    def face(self) -> str:
        """The content of the static face, as HTML in which every text is escaped."""
        raise NotImplementedError

    def cell(self) -> str:
        """The Python cell that brings about the present state."""
        raise NotImplementedError

    def refresh_code(self, *_: Any) -> None:
        """Tell the browser half the cell anew."""
        self.code = self.cell()

    def _repr_html_(self) -> str:
        inner = self.face()
        return (
            f'<div class="labkit-face" role="region" aria-label="{html.escape(type(self).__name__)}">'
            f"<style>{_FACE_STYLE}</style>{inner}</div>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, and beside it the static face for a page without a kernel."""
        self.refresh_code()
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if bundle is not None else ({}, {})
        return {**data, "text/html": self._repr_html_(), "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def shown(method: Method) -> Method:
    """For observers and threads: an error goes into the widget's ``error`` trait, where a person sees it."""

    @functools.wraps(method)
    def careful(self: LabWidget, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except LabError as error:
            self.error = str(error)
        except Exception as error:  # exceptions in callbacks vanish otherwise
            _LOG.exception("%s", method.__qualname__)
            self.error = f"{type(error).__name__}: {error}"
        return None

    return careful  # type: ignore[return-value]


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """As they come back from a file: lists for tuples."""
    made: dict[str, Any] = json.loads(json.dumps(values))
    return made


def _failed(error: Exception) -> dict[str, Any]:
    text = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
    return {"ok": False, "error": {"type": type(error).__name__, "message": text}}


_FACE_STYLE = """
.labkit-face{font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,#212121);
max-width:100%;overflow-x:auto}
.labkit-face h4{margin:0 0 6px;font-size:14px;font-weight:600}
.labkit-face table{border-collapse:collapse;margin:4px 0;font-size:12px}
.labkit-face th,.labkit-face td{padding:3px 10px;text-align:left!important;vertical-align:top;
border-bottom:1px solid var(--jp-border-color2,#e0e0e0)}
.labkit-face th{font-weight:600}
.labkit-face td.num,.labkit-face th.num{text-align:right!important;font-variant-numeric:tabular-nums}
.labkit-face p{margin:4px 0}.labkit-face .quiet{opacity:.75}
""".replace("\n", "")


def table(headings: list[str], rows: list[list[Any]], *, numbers: set[int] = frozenset()) -> str:  # type: ignore[assignment]
    """An HTML table for a static face; every cell is escaped.

    Args:
        headings: of the columns.
        rows: a list a row, as long as the headings.
        numbers: positions of the columns that are aligned right.
    """

    def line(cells: list[Any], tag: str) -> str:
        parts = (
            f"<{tag}{' class=num' if i in numbers else ''}>{html.escape('' if cell is None else str(cell))}</{tag}>"
            for i, cell in enumerate(cells)
        )
        return f"<tr>{''.join(parts)}</tr>"

    return f"<table><thead>{line(headings, 'th')}</thead><tbody>{''.join(line(r, 'td') for r in rows)}</tbody></table>"
