/** The HTTP listener: who gets a request, what an answer looks like, how it stops. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Head } from "../../packages/registry/src/net/http/head.ts";
import { rawRequest, request } from "../harness/requests.ts";
import { eventually, openListener, openSocket, readBody, serve } from "./rig.ts";

const JSON_HEAD = new Head({ "Content-Type": "application/json" });

test("the longest prefix gets the request, with the raw path and query", { timeout: 15_000 }, async (t) => {
  const { listener, url } = await openListener(t);
  for (const prefix of ["/", "/v2/", "/v2/special/", "/exact"])
    serve(listener, prefix, "test", ({ path, search }, reply) =>
      reply.send(200, {}, JSON.stringify([prefix, path, search])),
    );
  const seen = async (path: string): Promise<unknown> => (await request(url + path)).json();
  assert.deepEqual(await seen("/v2/a//b%2Fc%zz?x=%41&y"), ["/v2/", "/v2/a//b%2Fc%zz", "x=%41&y"]);
  assert.deepEqual(await seen("/v2/special/x"), ["/v2/special/", "/v2/special/x", ""]);
  assert.deepEqual(await seen("/V2/Special"), ["/", "/V2/Special", ""]);
  assert.deepEqual(await seen("/v2"), ["/", "/v2", ""]);
  assert.deepEqual(await seen("/exact?q?r"), ["/exact", "/exact", "q?r"]);
  assert.deepEqual(await seen("/exact/"), ["/", "/exact/", ""]);
  // A proxy may send the whole URL.
  const whole = await rawRequest(listener.port, "GET http://elsewhere:1/v2/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(whole.text, /\["\/v2\/","\/v2\/x","y"\]$/);
  assert.throws(() => serve(listener, "/v2/", "test", () => {}), /mounted already/);
});

test("until all mounts are there the answer is 503, not 404", { timeout: 15_000 }, async (t) => {
  let ready = false;
  const { listener, url } = await openListener(t, { ready: () => ready });
  const early = await request(`${url}/v2/x`);
  assert.equal(early.status, 503);
  assert.equal(early.headers["retry-after"], "1");
  assert.equal(early.json().type, "https://rollcall.dev/problems/unavailable");
  serve(listener, "/v2/", "test", (_request, reply) => reply.send(200, {}, ""));
  ready = true;
  assert.equal((await request(`${url}/v2/x`)).status, 200);
  ready = false;
  assert.equal((await request(`${url}/v2/x`)).status, 200, "a stop is the drain's business");
});

test("a path that nobody serves is a problem document", { timeout: 15_000 }, async (t) => {
  const { url, listener } = await openListener(t);
  serve(listener, "/v2/", "test", () => {});
  const answer = await request(`${url}/else`);
  assert.equal(answer.status, 404);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(answer.json().type, "https://rollcall.dev/problems/not-found");
});

test("answers carry their length, date and connection; text goes out as UTF-8, bytes as they are", {
  timeout: 15_000,
}, async (t) => {
  const { listener, url } = await openListener(t);
  const large = Buffer.alloc(100_000, 0xe9);
  const bodies: Record<string, Buffer | string | undefined> = {
    "/ascii": "plain",
    "/text": "zoë ✓",
    "/bytes": Buffer.from([0, 255, 13, 10]),
    "/large": large,
    "/none": undefined,
    "/empty": "",
  };
  serve(listener, "/", "test", ({ path }, reply) => reply.send(200, JSON_HEAD, bodies[path]));
  for (const [path, body] of Object.entries(bodies)) {
    const answer = await request(url + path);
    const bytes = Buffer.from(body ?? "");
    assert.deepEqual(answer.bytes, bytes, path);
    assert.equal(answer.headers["content-length"], String(bytes.length));
    assert.equal(answer.headers["content-type"], "application/json");
    assert.ok(Math.abs(Date.parse(answer.headers.date ?? "") - Date.now()) < 5000);
  }
});

test("204 and 304 have no length, HEAD is answered where GET is", { timeout: 15_000 }, async (t) => {
  const { listener, url } = await openListener(t);
  serve(listener, "/", "test", ({ method, path }, reply) => {
    if (path === "/204") reply.send(204, {});
    else if (path === "/304") reply.send(304, { ETag: '"7"' });
    else reply.send(200, {}, `${method} ${"x".repeat(9000)}`);
  });
  for (const path of ["/204", "/304"]) {
    const answer = await request(url + path);
    assert.equal(answer.headers["content-length"], undefined);
    assert.equal(answer.bytes.length, 0);
  }
  const head = await rawRequest(listener.port, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.0\r\n\r\n");
  const [first, ...rest] = head.text.split("\r\n\r\n");
  assert.match(first ?? "", /^HTTP\/1\.1 200 OK\r\n.*Content-Length: 9004/s);
  // The next answer on the connection begins right behind the head: HEAD had no body.
  assert.match(rest.join(""), /^HTTP\/1\.1 200 OK\r\n.*Connection: close/s);
  assert.equal(head.closed, true);
});

test("headers that would end a line early never go out", { timeout: 15_000 }, async (t) => {
  const { listener, url, logged } = await openListener(t);
  serve(listener, "/value", "test", (_request, reply) => reply.send(200, { "X-A": "a\r\nSet-Cookie: b" }, ""));
  serve(listener, "/name", "test", (_request, reply) => reply.send(200, { "X-A: b\r\nC": "d" }, ""));
  for (const path of ["/value", "/name"]) {
    const answer = await request(url + path);
    assert.equal(answer.status, 500);
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.equal(answer.headers.c, undefined);
  }
  assert.equal(logged.filter(({ level }) => level === "error").length, 2);
});

test("numbers and lists of values become headers", { timeout: 15_000 }, async (t) => {
  const { listener, url } = await openListener(t);
  serve(listener, "/", "test", (_request, reply) => {
    const headers = { "X-Response-Id": 7, "Content-Type": "text/plain", "Set-Cookie": ["a=1", "b=2"] };
    reply.send(201, headers, "zoë");
  });
  const answer = await request(`${url}/`);
  assert.equal(answer.headers["x-response-id"], "7");
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(answer.text, "zoë");
  assert.equal(answer.status, 201);
});

test("what a handler throws is a 500 without details, and in the log", { timeout: 15_000 }, async (t) => {
  const { listener, url, logged } = await openListener(t);
  serve(listener, "/", "test", () => {
    throw new Error("secret detail");
  });
  const answer = await request(`${url}/x`);
  assert.equal(answer.status, 500);
  assert.doesNotMatch(answer.text, /secret/);
  const id = /request (\S+)$/.exec(answer.json().detail)?.[1];
  const entry = logged.find(({ level }) => level === "error");
  assert.equal(entry?.fields.request, id);
  assert.match(String(entry?.fields.err), /secret detail/);
});

test("pipelined requests with bodies are answered in order, each with its own body", { timeout: 15_000 }, async (t) => {
  const { listener } = await openListener(t);
  let held: (() => void) | undefined;
  serve(listener, "/", "test", (incoming, reply) => {
    incoming.takeBody(1000, (body) => {
      const { path } = incoming;
      const answer = (): void => reply.send(200, {}, `${path}=${body.ok ? body.value : body.detail}`);
      // The first is answered last.
      if (path === "/0") held = answer;
      else answer();
      if (path === "/9") held?.();
    });
  });
  const requests = Array.from({ length: 10 }, (_, i) =>
    i % 3 === 0
      ? `POST /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nch${i}\r\n0\r\n\r\n`
      : i % 3 === 1
        ? `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlen${i}`
        : `POST /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const { text } = await rawRequest(listener.port, requests.join(""));
  const answers = [...text.matchAll(/\/(\d)=(ch\d|len\d)?/g)].map((match) => match[0]);
  assert.deepEqual(answers, [
    "/0=ch0",
    "/1=len1",
    "/2=",
    "/3=ch3",
    "/4=len4",
    "/5=",
    "/6=ch6",
    "/7=len7",
    "/8=",
    "/9=ch9",
  ]);
});

test("a body in many pieces is put together, also when asked for late", {
  timeout: 15_000,
}, async (t) => {
  const { listener, url } = await openListener(t);
  const body = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251));
  serve(listener, "/now", "test", (incoming, reply) => {
    void readBody(incoming, 1_000_000).then((read) => reply.send(200, {}, read.ok ? read.value : read.detail));
  });
  serve(listener, "/late", "test", (incoming, reply) => {
    setTimeout(() => {
      void readBody(incoming, 1_000_000).then((read) => reply.send(200, {}, read.ok ? read.value : read.detail));
    }, 50);
  });
  for (const path of ["/now", "/late"]) {
    assert.deepEqual((await request(url + path, { method: "POST", body })).bytes, body, path);
    assert.equal((await request(url + path, { method: "POST" })).bytes.length, 0, path);
  }
});

test("a connection stays open when the body is there, whether or not the handler read it", {
  timeout: 15_000,
}, async (t) => {
  for (const way of ["short", "node"] as const) {
    const { listener } = await openListener(t);
    serve(listener, "/", "test", ({ path }, reply) => reply.problem(404, "not-found", path), way);
    const socket = openSocket(t, listener.port);
    socket.write("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert.match(await socket.until(/"detail":"\/1"/), /\r\nConnection: keep-alive\r\n/);
    socket.write("POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    await socket.until(/"detail":"\/2"/);
    socket.write("GET /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /4 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.doesNotMatch(await socket.until(/"detail":"\/4"/), /Connection: close/);
  }
});

test("an answer before the end of the body is the last one of its connection", { timeout: 15_000 }, async (t) => {
  const { listener } = await openListener(t, { limits: { headersTimeoutMs: 200, requestTimeoutMs: 300 } });
  const asked: string[] = [];
  serve(listener, "/", "test", ({ path }, reply) => {
    asked.push(path);
    reply.problem(404, "not-found", path, path === "/own" ? { "X-Own": "1" } : {});
  });
  const head = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n`;
  for (const path of ["/1", "/own"]) {
    const socket = openSocket(t, listener.port);
    socket.write(`${head(path)}${"x".repeat(30_000)}`);
    assert.match(await socket.until(/"detail":/), /^HTTP\/1\.1 404 [\s\S]*\r\nConnection: close\r\n/i);
    socket.write(`${"x".repeat(40_000)}GET /after HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await socket.closed).split("HTTP/1.1 ").length, 2, "one answer");
  }
  const silent = openSocket(t, listener.port);
  silent.write(head("/silent"));
  assert.equal((await silent.closed).split("HTTP/1.1 ").length, 2, "one answer, and no 408 behind it");
  const bad = openSocket(t, listener.port);
  bad.write("POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  assert.match(await bad.closed, /^HTTP\/1\.1 404 (?![\s\S]*HTTP\/1\.1)/);
  assert.deepEqual(asked, ["/1", "/own", "/silent", "/bad"]);
});

test("an endless body that nobody asked for is not read for the whole timeout", { timeout: 15_000 }, async (t) => {
  const { listener } = await openListener(t, { limits: { requestTimeoutMs: 12_000 } });
  serve(listener, "/", "test", ({ path }, reply) => reply.problem(404, "not-found", path));
  const startedMs = performance.now();
  const slow = openSocket(t, listener.port);
  slow.socket.allowHalfOpen = true;
  const drip = setInterval(() => slow.write("1\r\na\r\n"), 20);
  t.after(() => clearInterval(drip));
  slow.write("POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  assert.match(await slow.closed, /^HTTP\/1\.1 404 [\s\S]*Connection: close/);
  assert.ok(performance.now() - startedMs < 5000);
});

test("the token is found in either header, and another scheme is not the same as none", {
  timeout: 15_000,
}, async (t) => {
  const { listener, url } = await openListener(t);
  serve(listener, "/", "test", (incoming, reply) => reply.send(200, {}, JSON.stringify(incoming.token)));
  const seen = async (headers: Record<string, string>): Promise<unknown> => {
    const token = (await request(url, { headers })).json();
    return token.ok ? token.value : token.refusal;
  };
  assert.equal(await seen({}), undefined);
  assert.equal(await seen({ Authorization: "Bearer abc" }), "abc");
  assert.equal(await seen({ authorization: "bEARER   abc" }), "abc");
  assert.equal(await seen({ "X-AUTH-TOKEN": "xyz" }), "xyz");
  assert.equal(await seen({ Authorization: "Basic abc" }), "Basic abc");
  assert.equal(await seen({ Authorization: "Bearer abc", "X-Auth-Token": "abc" }), "abc");
  assert.equal(await seen({ Authorization: "Bearer abc", "X-Auth-Token": "xyz" }), "invalid");
  assert.equal(await seen({ Authorization: "Basic abc", "X-Auth-Token": "abc" }), "invalid");
});

test("requests are counted under their dialect with status and time, also those that nobody waited for", {
  timeout: 15_000,
}, async (t) => {
  const counted: [string, number][] = [];
  const { listener, url } = await openListener(t, {
    observer: (dialect) => (status, seconds) => {
      assert.ok(seconds >= 0 && seconds < 10);
      counted.push([dialect, status]);
    },
  });
  serve(listener, "/a/", "a", (_request, reply) => reply.send(201, {}, ""));
  serve(listener, "/b/", "b", (_request, reply) => {
    reply.send(403, {});
  });
  serve(listener, "/never/", "b", () => {});
  await request(`${url}/a/`);
  await request(`${url}/b/`);
  await request(`${url}/c/`);
  assert.deepEqual(counted, [
    ["a", 201],
    ["b", 403],
    ["none", 404],
  ]);
  const socket = openSocket(t, listener.port);
  socket.write("GET /never/ HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => listener.connections === 1);
  socket.socket.end();
  await eventually(() => counted.length === 4);
  assert.deepEqual(counted[3], ["b", 499]);
});

test("drain tells the listeners, closes idle connections and says close on what follows", {
  timeout: 15_000,
}, async (t) => {
  const { listener } = await openListener(t);
  let finish: (() => void) | undefined;
  serve(listener, "/", "test", ({ path }, reply) => {
    if (path === "/slow") finish = () => reply.send(200, {}, "late");
    else reply.send(200, {}, "now");
  });
  const idle = openSocket(t, listener.port);
  idle.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await idle.until(/now$/), /Connection: keep-alive/);
  const busy = openSocket(t, listener.port);
  busy.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => finish !== undefined);
  let drained = 0;
  listener.onDrain(() => drained++);
  const cancel = listener.onDrain(() => drained++);
  cancel();
  listener.drain();
  listener.drain();
  assert.equal(drained, 1);
  await idle.closed;
  // Drained is not closed: who comes now is still answered, for the last time.
  const late = openSocket(t, listener.port);
  late.write("GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await late.closed, /Connection: close.*now$/s);
  finish?.();
  assert.match(await busy.closed, /Connection: close.*late$/s);
  listener.onDrain(() => drained++);
  assert.equal(drained, 2, "who comes after the drain is told at once");
});

test("close waits for requests under way, and cuts them after its bound", { timeout: 15_000 }, async (t) => {
  const patient = await openListener(t);
  serve(patient.listener, "/", "test", (_request, reply) => {
    setTimeout(() => reply.send(200, {}, "done"), 100);
  });
  const asked = request(`${patient.url}/`);
  await eventually(() => patient.listener.connections === 1);
  const [answer] = await Promise.all([asked, patient.listener.close()]);
  assert.equal(answer.text, "done");
  await assert.rejects(request(`${patient.url}/`), /ECONNREFUSED/);

  const short = await openListener(t, { limits: { closeTimeoutMs: 50 } });
  serve(short.listener, "/", "test", () => {});
  const socket = openSocket(t, short.listener.port);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => short.listener.connections === 1);
  await short.listener.close();
  assert.equal(await socket.closed, "");
});

test("an address that cannot be had is told in a sentence", { timeout: 15_000 }, async (t) => {
  const { listener } = await openListener(t);
  await assert.rejects(openListener(t, { port: listener.port }), /127\.0\.0\.1:\d+ is taken by another program/);
  await assert.rejects(openListener(t, { host: "203.0.113.7" }), /this machine has no address 203\.0\.113\.7/);
});
