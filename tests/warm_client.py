"""`python warm_client.py ADDRESS SCRIPT …`: run a script in a fork of a Python that has imported its libraries.

Importing is most of what a command costs in a test. warm_server.py listens at ADDRESS. As a program this module is run
for each command, so it imports little.
"""

import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence


class Job:
    """A script or `-m MODULE`, run in `folder` by the server, with this process's input and output."""

    def __init__(self, address: str, command: Sequence[str], folder: str, environment: Mapping[str, str]):
        job = {"command": command, "folder": folder, "environment": dict(environment)}
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.connection.connect(address)
        socket.send_fds(self.connection, [json.dumps(job).encode()], [0, 1, 2])
        self.pid = int(self.connection.recv(20))

    def ended(self) -> bool:
        return bool(select.select([self.connection], [], [], 0)[0])

    def wait(self) -> int:
        """Its exit status, 1 if it was killed."""
        with self.connection:
            return (self.connection.recv(1) or b"\1")[0]


if __name__ == "__main__":
    sys.exit(Job(sys.argv[1], sys.argv[2:], os.getcwd(), os.environ).wait())  # noqa: PTH109 (pathlib imports much)
