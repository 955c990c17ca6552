"""Sends what no VRRP router should take: packets with one mistake each, then random and mangled ones, from a raw socket.

Argument: JSON {source, address, each, random}: our IPv4 address on eth0, the virtual address, how many of every mistake, how many at
random. Virtual router 51 speaks version 3; 52 speaks version 2 with the password secret12. Writes JSON: how many of each were sent.
"""

import json
import random
import socket
import struct
import sys
import time

task = json.loads(sys.argv[1])
SOURCE = socket.inet_aton(task["source"])
GROUP = socket.inet_aton("224.0.0.18")
ADDRESS = socket.inet_aton(task["address"])
BURST, PAUSE = 150, 0.002

sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(payload, ttl=255):
    """The kernel fills in the header's checksum and length."""
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0xC0, 0, 0, 0, ttl, 112, 0, SOURCE, GROUP) + payload


def v3(first=0x31, router=51, priority=254, count=1, interval=10, addresses=ADDRESS, spoil=0):
    head = struct.pack("!BBBBH", first, router, priority, count, interval)
    pseudo = SOURCE + GROUP + struct.pack("!BBH", 0, 112, 8 + len(addresses))
    sum_ = checksum(pseudo + head + b"\0\0" + addresses) ^ spoil
    return head + struct.pack("!H", sum_) + addresses


def v2(kind=1, interval=1, password=b"secret12", priority=254):
    head = struct.pack("!BBBBBB", 0x21, 52, priority, 1, kind, interval)
    tail = ADDRESS + password
    return head + struct.pack("!H", checksum(head + b"\0\0" + tail)) + tail


MISTAKES = {
    "hops": packet(v3(), ttl=254),
    "vrid": packet(v3(router=77)),
    "version": packet(v3(first=0x21)),
    "type": packet(v3(first=0x32)),
    "count": packet(v3(count=0, addresses=b"")),
    "length": packet(v3(count=2)),
    "checksum": packet(v3(spoil=0x0101)),
    "interval": packet(v3(interval=0)),
    "short": packet(v3()[:7]),
    "password": packet(v2(password=b"secret13")),
    "auth_type": packet(v2(kind=0)),
    "interval v2": packet(v2(interval=2)),
    "goodbye with a wrong checksum": packet(v3(priority=0, spoil=1)),
}


def mangled(chance):
    """A good advert of the highest priority with one byte wrong: its checksum cannot be right any more."""
    payload = bytearray(v3())
    payload[chance.randrange(len(payload))] ^= chance.randrange(1, 256)
    return packet(bytes(payload))


def noise(chance):
    """Any bytes; where they would be a VRRP version 3 packet by chance, they are none."""
    payload = bytearray(chance.randbytes(chance.randrange(65)))
    if payload and payload[0] == 0x31:
        payload[0] = 0x30
    return packet(bytes(payload), ttl=chance.choice((255, 255, 255, 64, 1)))


def giant():
    """More than any buffer for VRRP should have: the kernel cuts it into fragments."""
    big = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    big.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    big.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    big.bind((task["source"], 0))
    for _ in range(10):
        big.sendto(v3() + bytes(3000), ("224.0.0.18", 0))
    return 10


def send(packets):
    for index, one in enumerate(packets):
        if index % BURST == 0:
            time.sleep(PAUSE)
        sock.sendto(one, ("224.0.0.18", 0))


chance = random.Random(9568)
for one in MISTAKES.values():
    send([one] * task["each"])
send(mangled(chance) if n % 2 else noise(chance) for n in range(task["random"]))
print(json.dumps({"mistakes": len(MISTAKES) * task["each"], "random": task["random"], "giant": giant()}))
