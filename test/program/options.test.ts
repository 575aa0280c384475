/** OPTIONS: what load balancers and clients ask it for, on every HTTP port. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { rawRequest, request } from "../harness/requests.ts";

const rollcall = await startRollcall({ after }, { dialects: "http,rackspace,skydns,eureka,consul" });
const PORTS = ["http", "eureka", "skydns", "consul"] as const;

for (const name of PORTS) {
  const port = rollcall.port(name);

  test(`${name}: the stock check of HAProxy finds it well`, async () => {
    const { text: answer } = await rawRequest(port, "OPTIONS / HTTP/1.0\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\nAllow: [^\r]*OPTIONS\r\n/);
    assert.match(answer, /\r\nContent-Length: 0\r\n/);
    assert.match(answer, /\r\n\r\n$/);
  });

  test(`${name}: OPTIONS * is of the server as a whole`, async () => {
    const { text: answer } = await rawRequest(port, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\nAllow: GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS\r\n/);
    const { text: other } = await rawRequest(port, "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(other, /^HTTP\/1\.1 40[04] /);
  });
}

const PATHS: readonly (readonly [port: (typeof PORTS)[number], path: string, allow: string | undefined])[] = [
  ["http", "/", "GET, HEAD, OPTIONS"],
  ["http", "/healthz", "GET, HEAD, OPTIONS"],
  ["http", "/v2/a/services/b/instances/c", "PUT, PATCH, GET, DELETE, HEAD, OPTIONS"],
  ["http", "/v2/a/config/some/key", "GET, PUT, DELETE, HEAD, OPTIONS"],
  ["http", "/v2/a/nothing", undefined],
  ["eureka", "/eureka/apps", "GET, HEAD, OPTIONS"],
  ["eureka", "/eureka/apps/APP/id", "GET, PUT, DELETE, HEAD, OPTIONS"],
  ["eureka", "/eureka/peerreplication/batch/", "POST, OPTIONS"],
  ["eureka", "/nothing", undefined],
  ["skydns", "/skydns/services/1", "PUT, PATCH, GET, DELETE, HEAD, OPTIONS"],
  ["skydns", "/skydns/callbacks/1", "PUT, OPTIONS"],
  ["skydns", "/nothing", undefined],
  ["consul", "/v1/kv/some/key", "GET, PUT, DELETE, HEAD, OPTIONS"],
  ["consul", "/v1/nothing", undefined],
];

test("OPTIONS says what a path takes, without a body and without asking who it is", async () => {
  for (const [name, path, allow] of PATHS) {
    const answer = await request(`http://127.0.0.1:${rollcall.port(name)}${path}`, { method: "OPTIONS" });
    assert.equal(answer.status, allow === undefined ? 404 : 200, path);
    if (allow === undefined) continue;
    assert.equal(answer.headers.allow, allow, path);
    assert.equal(answer.text, "");
  }
});
