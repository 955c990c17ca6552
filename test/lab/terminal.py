"""Runs a program on a terminal of its own and answers its question; prints what the terminal showed and ends as the program did.

Usage: terminal.py ANSWER PROGRAM ARGUMENT…; in ANSWER \\r, \\x03 and the like are keys.
"""

import os
import pty
import sys

answer = sys.argv[1].encode().decode('unicode_escape').encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
while True:
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # EIO: nobody has the other side open any more.
        break
    if not chunk:
        break
    shown += chunk
    if answer and b'[y/N]' in shown:
        os.write(terminal, answer)
        answer = b''
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
