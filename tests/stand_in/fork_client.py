"""Asks the process of `tests.stand_in.forks` for a fork. ``fork_client.py ADDRESS COMMAND`` is one in all but name.

It starts for each command, so it imports little: not even json and socket, which take as long as Python's own start.
"""

from __future__ import annotations

import _socket
import array
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def request(address: str, command: Sequence[str], env: Mapping[str, str], files: Sequence[int]) -> tuple[int, int]:
    """Start a command in this working folder; returns its process, and a file that will hold its exit code.

    ``files``: its standard input, output and errors.
    """
    told = repr({"command": [*command], "cwd": os.getcwd(), "env": {**env}}).encode()  # noqa: PTH109
    status, reported = os.pipe()
    connection = _socket.socket(_socket.AF_UNIX)
    connection.connect(address)
    given = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [*files, reported]))
    connection.sendmsg([len(told).to_bytes(8, "big")], [given])
    connection.sendall(told)
    pid = int.from_bytes(connection.recv(8, _socket.MSG_WAITALL), "big")
    connection.close()
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
