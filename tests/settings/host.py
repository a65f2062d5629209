"""The other side of a bridge: each port does one thing when the machine at 10.98.0.2 connects to it, and says so when it is done."""
import ctypes
import socket
import struct
import subprocess
import threading
import time

OWN, PEER = "10.98.0.1", "10.98.0.2"
kept = []


def serve(port, what):
    listener = socket.create_server((OWN, port))

    def loop():
        while True:
            connection, _ = listener.accept()
            what()
            connection.sendall(b"done\n")
            connection.close()

    threading.Thread(target=loop, daemon=True).start()


def connect_back():
    for _ in range(600):
        try:
            return socket.create_connection((PEER, 7001), 5).close()
        except OSError:
            time.sleep(0.1)


def ask_everybody():
    words = ["ping", "-b", "-c", "2", "-i", "0.3", "-W", "2", "10.98.0.255"]
    heard = subprocess.run(words, capture_output=True, text=True).stdout
    print("somebody answers" if "from 10.98.0.2" in heard else "nobody answers", flush=True)


def fill():
    """Three connections, and one whose answers are never heard."""
    for _ in range(3):
        kept.append(socket.create_connection((PEER, 8090), 30))
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(nothing)))
    deaf.setblocking(False)
    deaf.connect_ex((PEER, 8090))
    kept.append(deaf)


serve(9000, lambda: None)
serve(9001, connect_back)
serve(9002, ask_everybody)
serve(9003, fill)
threading.Event().wait()
