"""Processes, threads, sockets and an event loop: `python3 python.py ROUNDS`."""

import asyncio
import multiprocessing
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor


def square(n):
    return n * n


def produce(pipe, shared, lock):
    for n in range(200):
        with lock:
            shared.value += n
    pipe.send({"from": "a process", "sum": 200 * 199 // 2})
    pipe.close()


def processes():
    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(sum(pool.map(square, range(1000))), sum(pool.imap_unordered(square, range(100), 7)))
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    shared, lock = context.Value("q", 0), context.Lock()
    children = [context.Process(target=produce, args=(there, shared, lock)) for _ in range(3)]
    for child in children:
        child.start()
    print([here.recv() for _ in children], [child.join() or child.exitcode for child in children], shared.value)
    with ProcessPoolExecutor(2) as pool:
        print(sum(pool.map(square, range(50))))
    with multiprocessing.Manager() as manager:
        table = manager.dict()
        child = multiprocessing.Process(target=table.update, args=({"k": 1},))
        child.start()
        child.join()
        print(dict(table))


def children():
    print(subprocess.run(["tr", "a-z", "A-Z"], input=b"hello", capture_output=True, check=True).stdout)
    first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
    second = subprocess.Popen(["wc", "-l"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    print(second.communicate()[0], first.wait())
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    os.killpg(sleeper.pid, signal.SIGTERM)
    print(sleeper.wait())
    try:
        subprocess.run(["sleep", "60"], timeout=0.1)
    except subprocess.TimeoutExpired:
        print("late")


def threads():
    work, done = queue.Queue(), queue.Queue()

    def serve():
        for n in iter(work.get, None):
            done.put(n * n)

    crew = [threading.Thread(target=serve) for _ in range(16)]
    for thread in crew:
        thread.start()
    for n in range(2000):
        work.put(n)
    for _ in crew:
        work.put(None)
    for thread in crew:
        thread.join()
    print(sum(done.get() for _ in range(2000)))


async def talk(place):
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()

    async def ask(n):
        reader, writer = await asyncio.open_unix_connection(place)
        for i in range(20):
            writer.write(f"line {n} {i}\n".encode())
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return len(answer)

    server = await asyncio.start_unix_server(serve, place)
    async with server:
        print(sum(await asyncio.gather(*(ask(n) for n in range(50)))))
    child = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(await child.communicate(b"x" * 300000) == (b"x" * 300000, None), child.returncode)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(asked.wait(), 10)
    print("asked")


def passing():
    left, right = socket.socketpair()
    with open("python-file", "w+") as file:
        socket.send_fds(left, [b"here"], [file.fileno()])
    data, descriptors, _, _ = socket.recv_fds(right, 10, 1)
    os.write(descriptors[0], b"written through it")
    os.close(descriptors[0])
    print(data, open("python-file").read())


if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        processes()
        children()
        threads()
        asyncio.run(talk("python-socket"))
        passing()
    sys.exit(11)
