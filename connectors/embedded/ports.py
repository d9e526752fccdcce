"""Ports of this machine: whether one is free, and which."""

from __future__ import annotations

import os
import socket
from itertools import chain

import psutil

from connectors.embedded.errors import PortTakenError

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_200, 32_000


def ensure_free(port: int, what: str, setting: str, host: str = LOOPBACK) -> None:
    """Return if a server could listen on the port.

    Parameters
    ----------
    port
        The port; 0 is always free.
    what
        Who wants it, for the message.
    setting
        What to change to use another port, for the message.
    host
        Address that the server will listen on.

    Raises
    ------
    PortTakenError
        If another process has it. The message names the port, the process if that can be known, and the setting.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = (
                f"{what} cannot listen on {host}:{port} ({error.strerror}{_holder(port)}): "
                f"stop what uses that port, or set {setting} to another one"
            )
            raise PortTakenError(message) from error


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def free_run(count: int) -> int:
    """Return the first of ``count`` consecutive ports that nobody listens on.

    They lie below the range that connections take their own ports from, so that none is taken in between by chance.
    """
    first = _LOWEST + os.getpid() * count % (_HIGHEST - _LOWEST)
    for start in chain(range(first, _HIGHEST, count), range(_LOWEST, first, count)):
        if all(_is_free(port) for port in range(start, start + count)):
            return start
    message = f"no {count} free ports in a row between {_LOWEST} and {_HIGHEST}"
    raise PortTakenError(message)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()}, process {connection.pid}"
    except psutil.Error:  # only root may see the processes of others
        pass
    return ""
