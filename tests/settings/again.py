"""The other side of connections that are over and begin again: port 9000 waits for the end; port 9001 answers a line with what connections of a port began with, or connects to it again and again."""
import socket
import struct
import threading

OWN = "10.98.0.1"
# By address and port of who began, or answered: where his stream began, and which clock of this side he knew.
begun = {}


def watch():
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    packets.bind(("ct-one", 0x0800))
    while True:
        packet = packets.recv(2048)
        tcp = packet[(packet[0] & 15) * 4 :]
        if packet[9] != 6 or len(tcp) < 20 or not tcp[13] & 2:
            continue
        port, _, seq = struct.unpack(">HHI", tcp[:8])
        options = tcp[20 : (tcp[12] >> 4) * 4]
        echo = 0
        while options and options[0]:
            if options[0] == 8:
                echo = struct.unpack(">I", options[6:10])[0]
            options = options[1 if options[0] == 1 else max(options[1], 2) :]
        here = begun.setdefault((packet[12:16], port), [])
        if not here or here[-1][0] != seq:
            here.append((seq, echo))


def wait_for_end(connection):
    with connection:
        while connection.recv(1000):
            pass


def began(address, port):
    """How far each connection of a port begins behind the one before, and whether it knew the clock from it."""
    here = begun.get((socket.inet_aton(address), port), [])
    for before, after in zip(here, here[1:]):
        yield f"begins {(after[0] - before[0]) % 2**32} further, {'a clock is known' if after[1] else 'no clock'}\n"


def come(peer, port, lines):
    """Twice while somebody listens, and once when nobody does any more."""
    for turn in range(3):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((OWN, 9100 + port))
        client.settimeout(30 if turn < 2 else 5)
        try:
            client.connect((peer, port))
            wait_for_end(client)
            yield "connected again\n" if turn else "connected\n"
        except OSError as error:
            yield f"{error}\n"
        client.close()
        if turn < 2:
            lines.readline()


def answer(connection, peer):
    with connection, connection.makefile("rw") as lines:
        word, port = lines.readline().split()
        told = began(peer, int(port)) if word == "begun" else come(peer, int(port), lines)
        lines.write("".join(told))


def serve(port, what):
    listener = socket.create_server((OWN, port))
    while True:
        connection, (peer, _) = listener.accept()
        threading.Thread(target=what, args=(connection, peer), daemon=True).start()


threading.Thread(target=watch, daemon=True).start()
threading.Thread(target=serve, args=(9000, lambda connection, _: wait_for_end(connection)), daemon=True).start()
serve(9001, answer)
