# SPDX-License-Identifier: Apache-2.0
"""Commands whose standard error is a terminal."""

import os
import pty
import select
import subprocess

from . import wait


class OnTerminal:
    """`seen` is what people would have seen so far."""

    def __init__(self, command):
        self._terminal, end = pty.openpty()
        self.seen = b""
        self.run = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                                    stderr=end)
        os.close(end)

    def look(self):
        while select.select([self._terminal], [], [], 0)[0]:
            try:
                self.seen += os.read(self._terminal, 65536)
            except OSError:  # The other side is closed.
                break
        return self.seen.decode(errors="replace")

    def wait_end(self, patience_s):
        """Returns the exit status, what was seen and what was printed."""
        def over():
            self.look()
            return self.run.poll() is not None
        wait.until(over, patience_s, "the command is over")
        text = self.look()
        os.close(self._terminal)
        return self.run.returncode, text, self.run.stdout.read().decode()
