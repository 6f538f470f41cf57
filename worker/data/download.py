"""Keras's own download of a file, as a program of its own: `python -m worker.data.download NAME URL SHA256`.

Prints the file's path. A process of its own because importing Keras brings TensorFlow along, and
because a network time-out can only be set for a whole process.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

STALL_SECONDS = 15


def download(name: str, url: str, sha256: str) -> str:
    """The file in Keras's cache, fetched and checked first where it must be; progress goes to stderr."""
    socket.setdefaulttimeout(STALL_SECONDS)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from keras.utils import get_file

    with contextlib.redirect_stdout(sys.stderr):
        return str(get_file(name, origin=url, file_hash=sha256))


if __name__ == "__main__":
    print(download(*sys.argv[1:]))
