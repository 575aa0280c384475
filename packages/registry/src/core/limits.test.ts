/** Where checks go, and what may be asked of one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aimOf, readExpected, refuseCheck } from "./limits.ts";
import type { Check, CheckKind, Probe } from "./types.ts";

function checkOf(kind: CheckKind, target: string, probe?: Probe, more: Partial<Check> = {}): Check {
  return {
    ...{ id: "c", kind, name: "c", target, intervalMs: 10_000, timeoutMs: 1000, status: "unknown", output: "" },
    ...{ reportedAtMs: 0, ...(probe && { probe }), ...more },
  };
}

const AT = { address: "10.0.0.1", ports: { default: 8080 } };

test("a target is whole, or what is left of it when it goes to the instance", () => {
  const cases: readonly (readonly [CheckKind, string, string])[] = [
    ["http", "http://a.example:81/x?y=1", "a.example 81 /x?y=1"],
    ["http", "https://a.example", "a.example 443 / secure"],
    ["http", "http://[::1]:9/", "::1 9 /"],
    ["http", "http://2852039166/", "169.254.169.254 80 /"],
    ["http", "http://0xa9.0376.169.254/", "169.254.169.254 80 /"],
    ["http", "/health", "10.0.0.1 8080 /health"],
    ["http", "", "10.0.0.1 8080 /"],
    ["http", ":81", "10.0.0.1 81 /"],
    ["http", ":81/a?b", "10.0.0.1 81 /a?b"],
    ["tcp", "", "10.0.0.1 8080 "],
    ["tcp", ":9", "10.0.0.1 9 "],
    ["tcp", "b.example:9", "b.example 9 "],
    ["tcp", "[::1]:9", "::1 9 "],
    ["grpc", "/my.Service", "10.0.0.1 8080 my.Service"],
    ["grpc", "b.example:9/my.Service", "b.example 9 my.Service"],
    ["grpc", ":9", "10.0.0.1 9 "],
  ];
  for (const [kind, target, wanted] of cases) {
    const aim = aimOf(checkOf(kind, target), AT);
    const said = aim && `${aim.host} ${aim.port} ${aim.path}${aim.secure ? " secure" : ""}`;
    assert.equal(said, wanted, `${kind} ${target}`);
  }
  assert.equal(aimOf(checkOf("http", "/health", { tls: true }), AT)?.secure, true);
  assert.equal(aimOf(checkOf("tcp", ""), { address: "10.0.0.1", ports: {} }), undefined);
});

test("what cannot be run is refused", () => {
  const long = "x".repeat(5000);
  const bad: readonly Check[] = [
    ...["ftp://a/", "http://", "a.example", "http://u:p@a/", "/a b", ":0/", ":70000", "http://a:70000/"].map((target) =>
      checkOf("http", target),
    ),
    ...["a.example", "a:b", "a:0", "a:1/x", "::1:9", "[::1]", "a b:1", "[fe80::1%eth0]:1"].map((target) =>
      checkOf("tcp", target),
    ),
    checkOf("grpc", "unix:///tmp/x"),
    checkOf("reported", long),
    checkOf("http", "/", undefined, { intervalMs: 999 }),
    checkOf("http", "/", undefined, { intervalMs: 90_000_000 }),
    checkOf("http", "/", undefined, { intervalMs: Number.NaN }),
    checkOf("http", "/", undefined, { timeoutMs: 0 }),
    checkOf("http", "/", undefined, { timeoutMs: 60_001 }),
    ...(
      [
        { method: "GET /x HTTP/1.1\r\nA: b" },
        { method: "CONNECT" },
        { headers: { "X\r\nY": ["a"] } },
        { headers: { X: ["a\r\nY: b"] } },
        { headers: { "Content-Length": ["5"] } },
        { headers: { "transfer-encoding": ["chunked"] } },
        { headers: { X: [long] } },
        { headers: { X: new Array<string>(33).fill("a") } },
        { body: long },
        { expect: "2xx" },
        { expect: "300-200" },
        { expect: "" },
        { serverName: "a b" },
        { rise: 0 },
        { fall: 101 },
        { fall: 2, warnAfter: 3 },
      ] as const
    ).map((probe) => checkOf("http", "/", probe)),
  ];
  for (const check of bad) assert.notEqual(refuseCheck(check), undefined, JSON.stringify(check).slice(0, 200));
  const good = {
    method: "POST",
    headers: { X: ["a", "b"] },
    body: "{}",
    expect: "200,204-299",
    rise: 2,
    fall: 3,
    warnAfter: 1,
  };
  assert.equal(refuseCheck(checkOf("http", "/", good)), undefined);
  assert.deepEqual(readExpected("200, 300-399"), [
    [200, 200],
    [300, 399],
  ]);
});
