#!/usr/bin/env bash
# httpx 0.28.1 (httpcore 1.0.9) names an IPv6 address to a proxy without its brackets.
#
# Guess before the run: the target of CONNECT is "[fd00::1]:8443", as RFC 9110 (section 9.3.6) and RFC 3986 write it;
# then, after that had failed: over plain HTTP at least the target "http://[fd00::1]:8080/" is right.
# Seen with httpx 0.28.1, httpcore 1.0.9 on CPython 3.11, Linux x86-64:
# - The line is "CONNECT fd00::1:8443 HTTP/1.1", with "Host: fd00::1:8443": where the address ends and the port begins
#   nobody can tell, and a proxy that is strict answers 400. Nothing says that the client is at fault.
# - Over plain HTTP the line is "GET http://fd00::1:8080/ HTTP/1.1", beside "Host: [fd00::1]:8080", which is right.
# So a judge at an IPv6 address is to be named in no_proxy, or by a host name.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check httpx==0.28.1 httpcore==1.0.9 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import threading

import httpx


def head_of(url):
    """The head of the request that a proxy gets."""
    found = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        found.extend(connection.recv(65536).decode().split("\r\n"))
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with httpx.Client(proxy=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False) as client:
        try:
            client.get(url)
        except httpx.ProxyError as error:
            assert str(error) == "400 Bad Request", error
    thread.join()
    listener.close()
    return found


tunnel, plain = head_of("https://[fd00::1]:8443/"), head_of("http://[fd00::1]:8080/")
print(tunnel[0], tunnel[1], plain[0], sep="\n")
assert tunnel[:2] == ["CONNECT fd00::1:8443 HTTP/1.1", "Host: fd00::1:8443"], tunnel
assert plain[:2] == ["GET http://fd00::1:8080/ HTTP/1.1", "Host: [fd00::1]:8080"], plain
PYTHON
echo "as described"
