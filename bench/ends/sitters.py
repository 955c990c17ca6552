# Clients that come, ask nothing and stay: opens COUNT sessions one after another, prints how many it holds, and holds them until
# its input ends. Arguments: HOST PORT COUNT.

import socket
import struct
import sys

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
startup = struct.pack("!I", len(body) + 4) + body
READY = b"Z\0\0\0\x05I"


def sit():
    sock = socket.create_connection((host, port), timeout=20)
    sock.sendall(startup)
    answer = b""
    while READY not in answer:
        more = sock.recv(4096)
        if not more:
            raise OSError(f"refused: {answer!r}")
        answer += more
    return sock


sitting = []
why = ""
try:
    for _ in range(count):
        sitting.append(sit())
except OSError as error:
    why = str(error)
print(len(sitting), why, flush=True)
sys.stdin.read()
