"""Asks the process of `tests.stand_in.forks` for a fork. ``fork_client.py ADDRESS COMMAND`` is one in all but name.

It starts for each command, so it imports little.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence


def request(address: str, command: Sequence[str], env: Mapping[str, str], files: Sequence[int]) -> tuple[int, int]:
    """Start a command in this working folder; returns its process, and a file that will hold its exit code.

    ``files``: its standard input, output and errors.
    """
    told = json.dumps({"command": [*command], "cwd": os.getcwd(), "env": {**env}}).encode()  # noqa: PTH109
    status, reported = os.pipe()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [len(told).to_bytes(8, "big")], [*files, reported])
        connection.sendall(told)
        pid = int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big")
    os.close(reported)
    return pid, status


def exit_code(status: int) -> int:
    """Wait for an exit code, or a signal less than 0."""
    code = int(os.read(status, 16) or b"-9")
    os.close(status)
    return code


if __name__ == "__main__":
    code = exit_code(request(sys.argv[1], sys.argv[2:], os.environ, [0, 1, 2])[1])
    sys.exit(code if code >= 0 else 128 - code)
