"""Serves an application on a free port of loopback, and says where."""

import socket
import sys

import uvicorn


def listen():
    """A socket that takes connections already, and the address that it has."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(app, listener, base):
    """Serves until it is killed; with `--check` only shows that it could."""
    if "--check" in sys.argv:
        return
    print(base, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
