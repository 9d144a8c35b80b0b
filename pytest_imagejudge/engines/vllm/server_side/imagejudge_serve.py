"""Run vLLM's server: ``python imagejudge_serve.py MODEL OPTION...``, where MODEL is the model's folder.

It differs from ``vllm serve`` in this:

- Requests are checked by `imagejudge_key`, with a key that is no setting of vLLM's: vLLM 0.26 to 0.28 count
  ``VLLM_API_KEY`` among the facts that a compiled graph depends on, and write it into their cache.
- The model and the folders of compiled code are named by links in the working directory. vLLM counts the model's path
  among these facts too, and vLLM and Triton note where each of their files lies. Under these names the files are found
  where the cache is restored in another home folder.
- Processes that import vLLM are forked from one that imported it while this one did so (`imagejudge_processes`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MODEL = "model"

CACHES = ("VLLM_CACHE_ROOT", "TRITON_CACHE_DIR")  # variables that name a folder


def link(name: str, folder: str) -> str:
    """Link ``folder`` in the working directory as ``name``, and return the name; the folder where that can't be."""
    place = Path(name)
    try:
        if place.is_symlink():
            place.unlink()
        place.symlink_to(Path(folder).absolute())
    except OSError:
        return folder  # what is compiled is found as long as the folder stays where it is
    return name


def link_caches() -> None:
    """Have vLLM and Triton name their folders by links."""
    for variable in CACHES:
        if folder := os.environ.get(variable):
            Path(folder).mkdir(parents=True, exist_ok=True)  # through a link to nothing they would not make it
            os.environ[variable] = link(variable.lower(), folder)


def main() -> None:
    """Start importing in a second process, and run vLLM's command line here."""
    import imagejudge_key
    import imagejudge_processes

    imagejudge_key.key()  # without one there is no server
    folder, options = sys.argv[1], sys.argv[2:]
    link_caches()
    imagejudge_processes.begin()
    sys.argv = ["vllm", "serve", link(MODEL, folder), *options, "--middleware", "imagejudge_key.KeyCheck"]

    from vllm.entrypoints.cli.main import main as vllm

    imagejudge_processes.look_at_models()
    vllm()


if __name__ == "__main__":
    main()
