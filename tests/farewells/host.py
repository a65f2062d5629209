"""The other side of a bridge: takes what machines send just before they end, and says what came."""
import socket
import threading
import time


def listen(port):
    return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)


def stream():
    listener = listen(9001)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(30)
        came, end = 0, "nothing more"
        try:
            while part := connection.recv(65536):
                came += len(part)
                time.sleep(0.01)
            end = "the end"
        except OSError as error:
            end = type(error).__name__
        print(f"stream: {came} bytes, {end}", flush=True)


def datagrams():
    taker = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    taker.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    taker.bind(("::", 9002))
    while True:
        for _ in range(20):
            taker.recv(2000)
        print("datagrams: all", flush=True)


def family():
    listener = listen(9003)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(30)
        try:
            end = "the end" if connection.recv(1) == b"" else "something"
        except OSError as error:
            end = type(error).__name__
        print(f"family: {end}", flush=True)


for work in (stream, datagrams, family):
    threading.Thread(target=work, daemon=True).start()
time.sleep(600)
