"""Calls services by gRPC as programs do that find them by xDS: `main.py port`, the port of the registry. What it is to do
comes over HTTP: `ask?service=web&times=9` answers how often who answered, `begin?service=web` goes on asking until `end`,
which answers how often, and what failed."""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = json.dumps(
    {
        "xds_servers": [
            {
                "server_uri": f"127.0.0.1:{sys.argv[1]}",
                "channel_creds": [{"type": "insecure"}],
                "server_features": ["xds_v3"],
            }
        ],
        "node": {"id": "python", "locality": {}, "metadata": {"rollcall_account": "default"}},
    }
)

import grpc  # noqa: E402

lines = {}
going_on = {}


def say(service):
    if service not in lines:
        lines[service] = grpc.insecure_channel(f"xds:///{service}")
    return lines[service].unary_unary("/echo/Say")(b"", timeout=20).decode()


def ask(service, times):
    seen = {}
    for _ in range(times):
        try:
            answer = say(service)
        except grpc.RpcError as error:
            answer = "failed"
            print(error.details(), file=sys.stderr)
        seen[answer] = seen.get(answer, 0) + 1
    return seen


def go_on(service):
    while not going_on["over"].is_set():
        time.sleep(0.001)
        going_on["asked"] += 1
        try:
            say(service)
        except grpc.RpcError as error:
            going_on["failed"].append(error.details())


def begin(service, _times):
    thread = threading.Thread(target=go_on, args=[service], daemon=True)
    going_on.update(asked=0, failed=[], over=threading.Event(), thread=thread)
    thread.start()


def end(_service, _times):
    going_on["over"].set()
    going_on["thread"].join()
    return {"asked": going_on["asked"], "failed": going_on["failed"]}


TASKS = {"/ask": ask, "/begin": begin, "/end": end}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlparse(self.path)
        query = parse_qs(url.query)
        task = TASKS[url.path]
        answer = task(query.get("service", [""])[0], int(query.get("times", ["0"])[0]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"ready port={server.server_port}", flush=True)
server.serve_forever()
