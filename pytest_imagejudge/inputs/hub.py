"""Files of data sets of the Hub and of ModelScope, fetched with the images that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..support.caches import check_hub_cache
from ..support.escaping import escape
from ..support.modelscope import OUTSIDE, client, leads_out, reason
from ..tables.reading import read_rows
from ..tables.rows import SUFFIXES, WITH_PICTURES
from .cells import is_data_url

if TYPE_CHECKING:
    from modelscope_hub import HubApi

HUB, MODELSCOPE = "hf://datasets/", "modelscope://datasets/"


BENCH_FILE = "qwen_image_bench_hf_v0518.jsonl"  # of the data set Qwen/Qwen-Image-Bench


TABLES = (*SUFFIXES, *WITH_PICTURES)  # whose rows may be judged


_CHUNK = 500  # images that one call to the Hub asks for


# --- the Hub ---


def hub_file(source: str, default: str | None = None) -> Path:
    """Return a file of a data set, downloaded or from the cache of the Hub's or ModelScope's client.

    Args:
        source: ``hf://datasets/ORG/NAME[@REVISION]/FILE``, or ``modelscope://datasets/...``.
        default: the file, where the source names none.

    Raises:
        ConfigError: an invalid source, or a failed download.
    """
    repo, revision, name = split_hub(source)
    name = name or default or ""
    if not name:
        raise ConfigError(f"{escape(source)}: name a file of the data set: {_site(source)}ORG/NAME/FILE")
    if source.startswith(MODELSCOPE):
        if leads_out(name):
            raise ConfigError(f"{escape(source)}: name a file of the data set, without '.', '..' and empty parts")
        with _told(source):
            return Path(_modelscope(repo).download_file(repo, "dataset", name, revision=revision))
    from huggingface_hub import hf_hub_download

    check_hub_cache()
    with _told(source):
        return Path(hf_hub_download(repo, name, repo_type="dataset", revision=revision))


def hub_files(source: str, patterns: list[str]) -> Path:
    """Return the folder of a data set's snapshot, with those of its files that match one of ``patterns``.

    Raises:
        ConfigError: a failed download.
    """
    repo, revision, _ = split_hub(source)
    if source.startswith(MODELSCOPE):
        with _told(source):
            found = _modelscope(repo).download_repo(
                repo, "dataset", revision=revision, allow_patterns=patterns, ignore_patterns=[*OUTSIDE]
            )
        return Path(found)
    from huggingface_hub import snapshot_download

    check_hub_cache()
    with _told(source):
        return Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=patterns))


def is_hub(source: str) -> bool:
    """Return True where ``source`` names a data set of the Hub or of ModelScope."""
    return source.startswith(("hf://", "modelscope://"))


def _site(source: str) -> str:
    return MODELSCOPE if source.startswith("modelscope:") else HUB


@contextmanager
def _told(source: str) -> Iterator[None]:
    """Turn a client's error into one that names the data set."""
    try:
        yield
    except Exception as error:
        said = reason(error) if source.startswith(MODELSCOPE) else escape(error)
        raise ConfigError(f"{escape(source)} can't be downloaded: {said}") from error


def _modelscope(repo: str) -> HubApi:
    """Return a client for the site of ModelScope that has the data set."""
    return client(client().resolve_endpoint_for_read(repo, repo_type="dataset"))


def split_hub(source: str) -> tuple[str, str | None, str]:
    """Return data set, revision (or None) and file (or an empty string) of ``hf://datasets/...`` or ModelScope's."""
    site = _site(source)
    parts = source.removeprefix(site).split("/", 2)
    if not source.startswith(site) or len(parts) < 2 or not all(parts[:2]):
        raise ConfigError(f"{escape(source)}: {site}ORG/NAME[@REVISION]/FILE is expected")
    name, _, revision = parts[1].partition("@")
    return f"{parts[0]}/{name}", revision or None, parts[2] if len(parts) == 3 else ""


def fetch_images(source: str, path: Path) -> None:
    """Download the images that a manifest of a data set names relative to itself, into the same snapshot."""
    folder = PurePosixPath(split_hub(source)[2]).parent
    wanted: list[str] = []

    def fetch() -> None:
        try:
            hub_files(source, wanted)
        except ConfigError as error:
            raise ConfigError(f"the images of {error}") from error
        wanted.clear()

    for row in read_rows(path, TABLES):
        for column in ("image_path", "source_path", "edited_path", "mask"):
            value = row.values.get(column)
            if (
                not isinstance(value, str)
                or not value
                or "\0" in value
                or value.startswith("/")
                or "://" in value
                or is_data_url(value)
            ):
                continue
            if not (path.parent / value).exists():
                wanted.append(_literal(str(folder / value)))
        if len(wanted) >= _CHUNK:
            fetch()
    if wanted:
        fetch()


def _literal(name: str) -> str:
    """Return a pattern that matches this name only."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def metadata_file(source: str) -> Path:
    """Return the file of ``--judge-metadata``: a path, or a data set whose default is that of Qwen-Image-Bench."""
    return hub_file(source, BENCH_FILE) if is_hub(source) else Path(source)
