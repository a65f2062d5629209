"""An HTTP server by the standard library on port 80, and one by asyncio that answers line by line, plain on port 81 and with TLS on port 82."""

import asyncio
import functools
import hashlib
import http.server
import ssl
import threading


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says what was put."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        line = f"{self.command} {self.path} {len(sent)} {hashlib.sha256(sent).hexdigest()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(line)))
        self.end_headers()
        self.wfile.write(line)

    def log_message(self, *_):
        """Says nothing."""


async def answer(reader, writer):
    while line := await reader.readline():
        if line.startswith(b"bytes "):
            writer.write(b"x" * int(line.split()[1]))
        else:
            writer.write(line.upper())
        await writer.drain()
    writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/srv/cert.pem", "/srv/key.pem")
    servers = [await asyncio.start_server(answer, None, 81), await asyncio.start_server(answer, None, 82, ssl=context)]
    await asyncio.gather(*(server.serve_forever() for server in servers))


files = http.server.ThreadingHTTPServer(("", 80), functools.partial(Handler, directory="/srv"))
threading.Thread(target=files.serve_forever, daemon=True).start()
asyncio.run(main())
