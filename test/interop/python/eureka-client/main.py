"""A service with py_eureka_client that does what a test tells it over HTTP.

Its arguments are the client's face, `blocking` or `asyncio`, and the client's own arguments as JSON. It says
`ready port=…` once the client has started.
"""

import asyncio
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, urlsplit

import py_eureka_client.http_client as http_client
from py_eureka_client import eureka_basic, eureka_client


class Recorder(http_client.HttpClient):
    """The client's own HTTP; what was asked is kept, once it was answered: `GET /eureka/apps/ 200`."""

    def __init__(self):
        self.asked = []

    async def urlopen(self, request=None, data=None, timeout=None):
        method, url = ("GET", request) if isinstance(request, str) else (request.method, request.url)
        parts = urlsplit(url)
        status = "none"
        try:
            response = await super().urlopen(request, data, timeout)
            status = response.raw_response.status_code
            return response
        except HTTPError as error:
            status = error.code
            raise
        finally:
            self.asked.append(f"{method} {parts.port} {parts.path} {status}")


class Blocking:
    """The module's functions, as programs without asyncio call them."""

    def start(self, settings):
        eureka_client.init(**settings)
        self.client = eureka_client.get_client()

    def run(self, coroutine):
        return eureka_client.get_event_loop().run_until_complete(coroutine)

    def call(self, **options):
        return eureka_client.do_service(**options)

    def stop(self):
        eureka_client.stop()


class Asyncio:
    """The class, in a loop of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def start(self, settings):
        self.client = eureka_client.EurekaClient(**settings)
        self.run(self.client.start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def call(self, **options):
        return self.run(self.client.do_service(**options))

    def stop(self):
        self.run(self.client.stop())


def view_instance(instance):
    """What the client made of an instance; beans inside are objects, too."""
    view = json.loads(json.dumps(vars(instance), default=vars))
    return {**view, "instanceId": instance.instanceId, "zone": instance.zone}


def view_application(application):
    return [view_instance(instance) for instance in application.instances]


def view_applications(applications):
    return {
        "hashcode": applications.appsHashcode,
        "version": applications.versionsDelta,
        "applications": {one.name: view_application(one) for one in applications.applications},
    }


class Commands:
    """Each method is a path; its arguments are the query."""

    def __init__(self, face, recorder, errors):
        self.face = face
        self.recorder = recorder
        self.failures = errors

    def asked(self):
        return self.recorder.asked

    def errors(self):
        return self.failures

    def applications(self):
        return view_applications(self.face.client.applications)

    def call(self, app, path, **options):
        try:
            return {"answer": self.face.call(app_name=app, service=path, timeout=5, **options)}
        except eureka_client.WalkNodeException as error:
            return {"failed": [failure.node for failure in error.node_errors]}

    def status(self, value):
        self.face.run(self.face.client.status_update(value))

    def release(self):
        self.face.run(self.face.client.delete_status_override())

    def stop(self):
        """The end of the program, too: its heartbeats would go on."""
        self.face.stop()
        return self.recorder.asked

    def register(self, server, instance):
        """An instance by the basic functions; what has fields of its own is made from them."""
        fields = json.loads(instance)
        for name, bean in BEANS.items():
            if name in fields:
                fields[name] = bean(**fields[name])
        self.face.run(eureka_basic.register(server, eureka_basic.Instance(**fields)))

    def basic(self, function, server, arguments="[]"):
        """Any of the other basic functions."""
        answer = self.face.run(getattr(eureka_basic, function)(server, *json.loads(arguments)))
        if asyncio.iscoroutine(answer):
            # `get_instance` forgets to await.
            answer = self.face.run(answer)
        views = {
            eureka_basic.Applications: view_applications,
            eureka_basic.Application: view_application,
            eureka_basic.Instance: view_instance,
        }
        return None if answer is None else views[type(answer)](answer)


BEANS = {
    "port": eureka_basic.PortWrapper,
    "securePort": eureka_basic.PortWrapper,
    "leaseInfo": eureka_basic.LeaseInfo,
    "dataCenterInfo": eureka_basic.DataCenterInfo,
}


def serve(commands):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            try:
                answer = getattr(commands, parts.path.strip("/"))(**dict(parse_qsl(parts.query, keep_blank_values=True)))
                status, text = 200, json.dumps(answer)
            except (HTTPError, URLError) as error:
                status, text = 502, str(error)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if parts.path == "/stop":
                os._exit(0)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    # In one piece: `print` writes the end of the line by itself, and the client's threads log in between.
    sys.stdout.write(f"ready port={server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def main():
    face, settings = {"blocking": Blocking, "asyncio": Asyncio}[sys.argv[1]](), json.loads(sys.argv[2])
    recorder, errors = Recorder(), []
    http_client.set_http_client(recorder)
    face.start({**settings, "on_error": lambda kind, error: errors.append(f"{kind} {error}")})
    serve(Commands(face, recorder, errors))


main()
