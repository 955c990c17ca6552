# A server with nothing behind it, for measuring a relay alone: it lets clients in as PostgreSQL does (no password), then sends or
# takes as many bytes as it is asked for, as fast as the kernel moves them: sendfile from memory out, dropped unread in.
# mekare's probes are passed on to a real PostgreSQL. Arguments: HOST PORT POSTGRES_HOST POSTGRES_PORT.

import os
import socket
import struct
import sys
import threading

host, port, pg_host, pg_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
SSL_REQUEST = 80877103
CHUNK = 16 * 1024 * 1024
memory = os.memfd_create("source")
os.write(memory, os.urandom(CHUNK))


def read(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def startup(sock):
    while True:
        head = read(sock, 8)
        length, code = struct.unpack("!II", head)
        if code != SSL_REQUEST:
            return head + read(sock, length - 8)
        sock.sendall(b"N")


def send(sock, count):
    while count > 0:
        count -= os.sendfile(sock.fileno(), memory, 0, min(count, CHUNK))


def take(sock, count):
    scratch = bytearray(4 * 1024 * 1024)
    while count > 0:
        taken = sock.recv_into(scratch, min(count, len(scratch)), socket.MSG_TRUNC)
        if taken == 0:
            raise EOFError
        count -= taken
    sock.sendall(b"!")


def copy(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(sock):
    with sock:
        first = startup(sock)
        if b"mekare_probe" in first:
            with socket.create_connection((pg_host, pg_port)) as server:
                server.sendall(first)
                threading.Thread(target=copy, args=(server, sock), daemon=True).start()
                copy(sock, server)
            return
        # AuthenticationOk, BackendKeyData, ReadyForQuery
        sock.sendall(b"R\0\0\0\x08\0\0\0\0" + b"K\0\0\0\x0c" + struct.pack("!II", os.getpid(), 1) + b"Z\0\0\0\x05I")
        while True:
            kind, length = struct.unpack("!cI", read(sock, 5))
            text = read(sock, length - 4).rstrip(b"\0").decode()
            if kind != b"Q":
                return
            way, count = text.split()
            (send if way == "out" else take)(sock, int(count))


def guarded(sock):
    try:
        serve(sock)
    except (EOFError, OSError):
        pass


def work():
    while True:
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guarded(accepted)


# As many as there are sessions at once, and they stay: what a thread used is not seen any more once it has ended.
listener = socket.create_server((host, port), backlog=128)
for _ in range(16):
    threading.Thread(target=work).start()
