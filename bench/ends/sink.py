# The client of source.py: moves COUNT bytes one way (out: from the server) and prints the seconds it took.
# Arguments: HOST PORT out|in COUNT.

import os
import socket
import struct
import sys
import time

host, port, way, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
CHUNK = 16 * 1024 * 1024
scratch = bytearray(4 * 1024 * 1024)
memory = os.memfd_create("sink")
os.write(memory, os.urandom(CHUNK))

body = struct.pack("!I", 196608) + b"user\0bench\0database\0bench\0\0"
sock = socket.create_connection((host, port), timeout=60)
sock.sendall(struct.pack("!I", len(body) + 4) + body)
answer = b""
while b"Z\0\0\0\x05I" not in answer:
    more = sock.recv(1024)
    if not more:
        sys.exit(f"the server ended the session: {answer!r}")
    answer += more

sock.settimeout(None)
query = f"{way} {count}".encode() + b"\0"
begun = time.monotonic()
sock.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
if way == "out":
    left = count
    while left > 0:
        taken = sock.recv_into(scratch, min(left, len(scratch)), socket.MSG_TRUNC)
        if taken == 0:
            sys.exit(f"the session ended with {left} bytes missing")
        left -= taken
else:
    left = count
    while left > 0:
        left -= os.sendfile(sock.fileno(), memory, 0, min(left, CHUNK))
    if sock.recv(1) != b"!":
        sys.exit("the server did not take everything")
print(time.monotonic() - begun)
