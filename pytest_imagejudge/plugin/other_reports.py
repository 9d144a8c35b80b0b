"""Pictures and scores in the reports of other tools: pytest-html's page, Allure's results, JUnit's file."""

from __future__ import annotations

import base64
import contextlib
import mimetypes
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict
from xml.etree import ElementTree

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from .expectation import AnyEntry
from .report_data import carried, carry

_FAILED_PICTURE, _PICTURE = 60_000, 20_000  # bytes of a copy in pytest-html's page


class Shown(TypedDict):
    """Text and pictures of one image or edit for other reports.

    Attributes:
        text: the outcome, the causes, the scores.
        files: paths of the pictures that stay.
        missing: paths under which there is no file.
        copies: label and JPEG in base64 of each picture, for pytest-html.
    """

    text: str
    files: list[str]
    missing: list[str]
    copies: list[tuple[str, str]]


class OtherReports:
    """Writer of images into the reports of other tools that this run makes; it does nothing where there are none."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._junit = bool(getattr(config.option, "xmlpath", None))
        self._html = bool(getattr(config.option, "htmlpath", None)) and config.pluginmanager.hasplugin("html")
        self._texts: dict[tuple[str, object], list[str]] = {}  # for JUnit's file, by test and worker
        self._thread = threading.get_ident()  # of pytest

    def properties(self, entries: Sequence[AnyEntry]) -> list[tuple[str, str]]:
        """Return the properties of entries in JUnit's file; none where no such file is written."""
        if not self._junit:
            return []
        from ..renderers.junit import properties

        return [pair for entry in entries for pair in properties(entry)]

    def shown(self, entries: Sequence[AnyEntry]) -> list[Shown]:
        """Return what the reports of other tools show of entries; nothing where there are none."""
        return [self._shown(entry) for entry in entries] if self._junit or self._html else []

    def _shown(self, entry: AnyEntry) -> Shown:
        from ..renderers.entry_text import entry_text, pictures_of
        from ..renderers.explanations import file_name

        # JUnit's file is kept in memory to the end, and few look at what passed
        tree = entry.shown_as_failed or self._html
        stays = entry.shown_as_failed or bool(file_name(entry))
        pictures = [(label, os.path.abspath(path)) for label, path in pictures_of(entry)]  # noqa: PTH100
        missing = [path for _, path in pictures if not os.path.exists(path)]  # noqa: PTH110
        return Shown(
            text=entry_text(entry, tree=tree),
            files=[path for _, path in pictures if path not in missing] if stays else [],
            missing=missing,
            copies=_copies(pictures, _FAILED_PICTURE if entry.shown_as_failed else _PICTURE) if self._html else [],
        )

    def add(self, report: pytest.TestReport, shown: Sequence[Shown]) -> None:
        """Add what is shown to a report of the test, before that is logged or sent to another process."""
        if not shown:
            return
        if self._html:
            extras = [each for one in shown for each in _extras(one)]
            vars(report)["extras"] = [*getattr(report, "extras", ()), *extras]
        if self._junit:
            carry(report, {"texts": [*carried(report).get("texts", ()), *map(_text, shown)]})

    def logged(self, report: pytest.TestReport) -> None:
        """Write the texts of a test into its element of JUnit's file, when its last report is logged."""
        if not self._junit or (xml := self._config.stash.get(xml_key, None)) is None:
            return  # no such file, or a worker, whose reports are logged once more
        key = report.nodeid, getattr(report, "node", None)
        if texts := carried(report).pop("texts", None):
            self._texts.setdefault(key, []).extend(texts)
        if report.when == "teardown" and (texts := self._texts.pop(key, None)):
            element = ElementTree.Element("system-out")
            element.text = bin_xml_escape("\n".join(texts))
            xml.node_reporter(report).append(element)

    def attach_to_running(self, entries: Sequence[AnyEntry]) -> None:
        """Attach pictures and scores to the test that runs now in Allure's results."""
        if not self._config.pluginmanager.hasplugin("allure_listener") or threading.get_ident() != self._thread:
            return
        from allure_commons import plugin_manager

        from ..renderers.entry_text import entry_text, pictures_of
        from ..renderers.explanations import title
        from ..support.escaping import escape

        for entry in entries:
            name = escape(title(entry))
            for label, path in pictures_of(entry):
                if not os.path.exists(path):  # noqa: PTH110
                    words = f"missing picture: {escape(path)}"
                    plugin_manager.hook.attach_data(
                        body=words, name=f"{label}, missing: {name}", attachment_type="text/plain", extension="txt"
                    )
                    continue
                with contextlib.suppress(OSError):  # the entry says what is wrong with the file
                    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
                    plugin_manager.hook.attach_file(
                        source=path,
                        name=f"{label}: {name}",
                        attachment_type=kind,
                        extension=Path(path).suffix.lstrip(".") or "bin",
                    )
            plugin_manager.hook.attach_data(
                body=entry_text(entry), name=f"Scores: {name}", attachment_type="text/plain", extension="txt"
            )


def tell_apart_in_allure(item: pytest.Item) -> None:
    """Give a row that is about to run its node ID as a parameter in Allure's results.

    Allure cuts the name of a test at its first bracket, where pytest writes parameters, and the name of a file at its
    suffix. Tests of one name and the same parameters are retries to it, of which only the last counts.
    """
    from allure_commons import plugin_manager

    plugin_manager.hook.add_parameter(name="row", value=item.nodeid, excluded=None, mode=None)


def _copies(pictures: Sequence[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    from ..errors import ImageError
    from ..renderers.small_pictures import drawn, fit

    found = []
    for label, path in pictures:
        with contextlib.suppress(ImageError, OSError):  # the entry says what is wrong with the file
            found.append((label, base64.b64encode(fit(drawn((path,)), most)).decode()))
    return found


def _text(shown: Shown) -> str:
    """The text of JUnit's file, with a line for each picture, which names no attachment where there is no file."""
    lines = [f"missing picture: {_located(file)}" for file in shown["missing"]]
    lines += [f"[[ATTACHMENT|{_located(file)}]]" for file in shown["files"]]
    return shown["text"] + "".join(f"{line}\n" for line in lines)


def _extras(shown: Shown) -> list[dict[str, Any]]:
    """The extras of pytest-html, as its own functions make them; it does not escape their names."""
    extras = [_extra("image", name, copy, "image/jpeg", "jpg") for name, copy in shown["copies"]]
    return [*extras, _extra("text", "Scores", shown["text"], "text/plain", "txt")]


def _extra(kind: str, name: str, content: str, mime: str, extension: str) -> dict[str, Any]:
    return {"name": name, "format_type": kind, "content": content, "mime_type": mime, "extension": extension}


def _located(file: str, environ: Mapping[str, str] = os.environ) -> str:
    """A file's path as CI services look for it: GitLab from the project's folder, Jenkins from the root."""
    project = environ.get("CI_PROJECT_DIR") if environ.get("GITLAB_CI") else None
    return os.path.relpath(file, project) if project and Path(file).is_relative_to(project) else file
