"""Files of Hub data sets, fetched with the images that they name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import ConfigError
from ..support.caches import check_hub_cache
from ..support.escaping import escape
from ..tables.reading import read_rows
from ..tables.rows import PARQUET, SUFFIXES
from .cells import is_data_url

HUB = "hf://datasets/"


BENCH_FILE = "qwen_image_bench_hf_v0518.jsonl"  # of the data set Qwen/Qwen-Image-Bench


TABLES = (*SUFFIXES, PARQUET)  # whose rows may be judged


_CHUNK = 500  # images that one call to the Hub asks for


# --- the Hub ---


def hub_file(source: str, default: str | None = None) -> Path:
    """Return a file of a Hub data set, downloaded or from the Hub's cache.

    Args:
        source: ``hf://datasets/ORG/NAME[@REVISION]/FILE``.
        default: the file, where the source names none.

    Raises:
        ConfigError: an invalid source, or a failed download.
    """
    repo, revision, name = split_hub(source)
    name = name or default or ""
    if not name:
        raise ConfigError(f"{escape(source)}: name a file of the data set: {HUB}ORG/NAME/FILE")
    from huggingface_hub import hf_hub_download

    check_hub_cache()
    try:
        return Path(hf_hub_download(repo, name, repo_type="dataset", revision=revision))
    except Exception as error:
        raise ConfigError(f"{escape(source)} can't be downloaded: {escape(error)}") from error


def split_hub(source: str) -> tuple[str, str | None, str]:
    """Return data set, revision (or None) and file (or an empty string) of ``hf://datasets/...``."""
    parts = source.removeprefix(HUB).split("/", 2)
    if not source.startswith(HUB) or len(parts) < 2 or not all(parts[:2]):
        raise ConfigError(f"{escape(source)}: {HUB}ORG/NAME[@REVISION]/FILE is expected")
    name, _, revision = parts[1].partition("@")
    return f"{parts[0]}/{name}", revision or None, parts[2] if len(parts) == 3 else ""


def fetch_images(source: str, path: Path) -> None:
    """Download the images that a manifest of a data set names relative to itself, into the same snapshot."""
    from huggingface_hub import snapshot_download

    repo, revision, name = split_hub(source)
    folder = PurePosixPath(name).parent
    wanted: list[str] = []

    def fetch() -> None:
        try:
            snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=wanted)
        except Exception as error:
            raise ConfigError(f"the images of {escape(source)} can't be downloaded: {escape(error)}") from error
        wanted.clear()

    for row in read_rows(path, TABLES):
        for column in ("image_path", "source_path", "edited_path"):
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
    return hub_file(source, BENCH_FILE) if source.startswith("hf://") else Path(source)
