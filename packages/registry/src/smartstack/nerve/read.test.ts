/** Nerve's own example (README of github.com/airbnb/nerve), and what is wrong in files. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findServiceFolder } from "../tree.ts";
import { readNerve } from "./read.ts";

const EXAMPLE = `{
  "instance_id": "mymachine",
  "services": {
    "your_http_service": {
      "host": "1.2.3.4",
      "port": 3000,
      "reporter_type": "zookeeper",
      "zk_hosts": ["localhost:2181"],
      "zk_path": "/nerve/services/your_http_service/services",
      "check_interval": 2,
      "checks": [
        { "type": "http", "uri": "/health", "timeout": 0.2, "rise": 3, "fall": 2 }
      ]
    },
    "your_tcp_service": {
      "host": "1.2.3.4",
      "port": 6379,
      "reporter_type": "zookeeper",
      "zk_hosts": ["localhost:2181"],
      "zk_path": "/nerve/services/your_tcp_service",
      "weight": 2,
      "labels": { "az": "a" },
      "haproxy_server_options": "backup",
      "checks": [ { "type": "tcp", "timeout": 0.2 } ]
    }
  },
  "heartbeat_path": "/var/run/nerve/heartbeat"
}`;

function read(text: string, ...more: readonly string[]) {
  return readNerve(
    { path: "nerve.json", text },
    more.map((each, at) => ({ path: `dir/more-${at}.json`, text: each })),
  );
}

function problemsOf(text: string, ...more: readonly string[]): readonly string[] {
  const outcome = read(text, ...more);
  return outcome.ok ? [] : outcome.problems;
}

test("Nerve's example is read whole", () => {
  const outcome = read(EXAMPLE);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const [http, tcp] = outcome.value.services;
  assert.deepEqual(
    [http?.service, http?.id, http?.address, http?.port, http?.weight, http?.failing],
    ["your_http_service", "mymachine", "1.2.3.4", 3000, 1, "withdraw"],
  );
  const [check] = http?.checks ?? [];
  assert.deepEqual(
    [check?.kind, check?.target, check?.timeoutMs, check?.intervalMs],
    ["http", "http://1.2.3.4:3000/health", 200, 2000],
  );
  assert.deepEqual(check?.probe, { rise: 3, fall: 2, expect: "200-399" });
  assert.deepEqual([tcp?.service, tcp?.weight, tcp?.checks[0]?.intervalMs], ["your_tcp_service", 2, 500]);
  assert.deepEqual(tcp?.meta, { az: "a", haproxy_server_options: "backup" });
});

test("what does not carry over is said in one line each, with its place", () => {
  const outcome = read(EXAMPLE);
  const notes = outcome.ok ? outcome.value.notes : [];
  assert.equal(notes.length, 3, notes.join("\n"));
  assert.match(notes[0] ?? "", /^nerve\.json:8: services\.your_http_service\.zk_hosts does not carry over: /);
  assert.match(notes[2] ?? "", /^nerve\.json:27: heartbeat_path does not carry over: /);
});

test("checks of our own, of Nerve's with a text, and mocked ones", () => {
  const outcome = read(`instance_id: m
services:
  a:
    host: 127.0.0.1
    port: 1
    on_failure: mark
    checks:
      - {type: http, uri: health, expect: OK, ssl: true, headers: {X-A: b}}
      - {type: grpc, service: shop.Cart}
      - {type: exec, command: "true", interval: 5, timeout: 1}
      - {type: ttl, ttl: 20}
      - {type: noop}
  b: {host: 127.0.0.1, port: 2, check_mocked: true, checks: [{type: tcp}], zk_path: /nerve/a}
  c: {host: 127.0.0.1, port: 2, checks: [], zk_path: /nerve/a}
`);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const [a, b, ...others] = outcome.value.services;
  assert.deepEqual(others, []);
  assert.match(outcome.value.notes.at(-1) ?? "", /services\.c: is an instance that is there already, and is left out$/);
  assert.deepEqual(
    a?.checks.map(({ kind, target, intervalMs }) => [kind, target, intervalMs]),
    [
      ["http", "https://127.0.0.1:1/health", 500],
      ["grpc", "127.0.0.1:1/shop.Cart", 500],
      ["exec", "true", 5000],
      ["ttl", "", 20_000],
    ],
  );
  assert.deepEqual([a?.checks[0]?.holds, a?.checks[0]?.probe?.skipVerify, a?.failing], ["OK", true, "mark"]);
  // Two of one name in one service are told apart by the port.
  assert.deepEqual([a?.id, b?.service, b?.id, b?.checks], ["m", "a", "m:2", []]);
});

const WRONG: readonly (readonly [name: string, text: string, problems: readonly RegExp[]])[] = [
  ["no JSON", '{"instance_id": "a",\n "services": {', [/^nerve\.json:2: /]],
  ["a list", "[]", [/^nerve\.json:1: the file must be a map$/, /instance_id is missing/]],
  ["no id", '{"services": {}}', [/^nerve\.json:1: instance_id is missing$/]],
  [
    "a key twice",
    "instance_id: a\nservices: {}\ninstance_id: b\n",
    [/^nerve\.json:3: "instance_id" is there twice: first on line 1$/],
  ],
  [
    "a service twice",
    "instance_id: a\nservices:\n  x: {host: h, port: 1, checks: []}\n  x: {host: h, port: 2, checks: []}\n",
    [/^nerve\.json:4: "x" is there twice: first on line 3$/],
  ],
  [
    "a wrong key",
    "instance_id: a\nservices:\n  x: {host: h, port: 1, checks: [],\n    prot: 3}\n",
    [/^nerve\.json:4: services\.x\.prot is no key that is known here/],
  ],
  [
    "no check",
    "instance_id: a\nservices:\n  x:\n    host: h\n    port: 1\n",
    [/^nerve\.json:4: services\.x\.checks is missing: /],
  ],
  [
    "no port",
    "instance_id: a\nservices:\n  x: {host: h, checks: []}\n",
    [/^nerve\.json:3: services\.x\.port is missing$/],
  ],
  [
    "a port too high",
    "instance_id: a\nservices:\n  x: {host: h, checks: [], port: 65536}\n",
    [/services\.x\.port must be a number from 0 to 65535$/],
  ],
  [
    "a check of no type",
    "instance_id: a\nservices:\n  x: {host: h, port: 1, checks: [{type: htpp}]}\n",
    [/checks\[0\]\.type must be one of http, tcp, grpc, exec, ttl, noop$/],
  ],
];

for (const [name, text, expected] of WRONG)
  test(`said with file and line: ${name}`, () => {
    const problems = problemsOf(text);
    // What is no JSON at all may be wrong in several ways.
    assert.ok(problems.length === expected.length || name === "no JSON", problems.join("\n"));
    for (const [at, pattern] of expected.entries()) assert.match(problems[at] ?? "", pattern);
  });

test("a service whose check cannot be run is left out with a line, and the others are there", () => {
  const outcome = read(`instance_id: m
services:
  queue:
    host: h
    port: 1
    checks:
      - {type: rabbitmq, username: guest, password: guest}
  cache: {host: h, port: 1, checks: [{type: redis}, {type: tcp}]}
  own: {host: h, port: 1, checks: [{type: mine, module: nerve-watcher-mine}]}
  mocked: {host: h, port: 1, check_mocked: true, checks: [{type: redis}]}
  web: {host: h, port: 1, checks: [{type: tcp}]}
`);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  assert.deepEqual(
    outcome.value.services.map(({ service }) => service),
    ["mocked", "web"],
  );
  assert.deepEqual(
    outcome.value.notes.map((note) => note.replace(/;.*/, "")),
    [
      "nerve.json:7: services.queue.checks[0].type does not carry over: its service is left out",
      "nerve.json:8: services.cache.checks[0].type does not carry over: its service is left out",
      "nerve.json:9: services.own.checks[0].module does not carry over: its service is left out",
    ],
  );
});

test("files of service_conf_dir are services of their own, and none may be there twice", () => {
  assert.equal(findServiceFolder({ path: "n", text: "instance_id: a\nservice_conf_dir: services.d\n" }), "services.d");
  const service = '{"host": "h", "port": 1, "checks": []}';
  const outcome = read("instance_id: a\nservice_conf_dir: d\n", service, service);
  assert.ok(outcome.ok);
  assert.deepEqual(
    outcome.value.services.map((one) => one.service),
    ["more-0", "more-1"],
  );
  const problems = problemsOf(`instance_id: a\nservices:\n  more-0: ${service}\n`, service);
  assert.deepEqual(problems, ["dir/more-0.json:1: service more-0 is there already: nerve.json:3"]);
});
