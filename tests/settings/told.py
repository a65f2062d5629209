"""The other side of a bridge, with many addresses: says how many messages come about datagrams that nobody wants, or as answers to echoes."""
import itertools
import socket
import struct
import threading
import time

numbers = itertools.count(11)


def echo(number):
    bytes_ = struct.pack(">BBHHH", 8, 0, 0, 7, number)
    total = sum(struct.unpack(">4H", bytes_))
    total = (total & 0xFFFF) + (total >> 16)
    return bytes_[:2] + struct.pack(">H", total ^ 0xFFFF) + bytes_[4:]


def told(what, machine):
    """Sends twenty from an address that was not used yet; the messages that come until it has been silent for a second."""
    number = next(numbers)
    family = socket.AF_INET6 if what == "newer" else socket.AF_INET
    own, to = f"10.98.0.{number}", machine
    if what == "newer":
        own, to = f"fd00:98::{number}", f"fd00:98::{machine.rpartition('.')[2]}"
    kind = {"datagrams": 3, "echoes": 0, "newer": 1}[what]
    hears = socket.socket(family, socket.SOCK_RAW, 58 if what == "newer" else 1)
    hears.bind((own, 0))
    sends = hears if what == "echoes" else socket.socket(family, socket.SOCK_DGRAM)
    if sends is not hears:
        sends.bind((own, 0))
    for turn in range(20):
        sends.sendto(echo(turn) if what == "echoes" else b"x", (to, 9))
        time.sleep(0.005)
    hears.settimeout(1)
    count = 0
    try:
        while True:
            message, (sender, *_) = hears.recvfrom(2000)
            start = 0 if what == "newer" else (message[0] & 15) * 4
            count += message[start] == kind and sender == to
    except TimeoutError:
        return f"{what}: {count}\n"


def answer(connection, machine):
    with connection, connection.makefile("rw") as lines:
        lines.write(told(lines.readline().strip(), machine))


listener = socket.create_server(("10.98.0.1", 9004))
while True:
    asked, (peer, _) = listener.accept()
    threading.Thread(target=answer, args=(asked, peer), daemon=True).start()
