/** Layouts on the whole program: entries that are instances, and instances that are entries. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const MEMBER = { serviceEndpoint: { host: "10.0.0.1", port: 8080 }, status: "ALIVE" };

test("a serverset and the catalog are one, through restarts and when it is turned on and off", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  const configure = (layouts: string): void => writeFileSync(file, `${layouts}\n`);
  const flags = ["--config", file];
  configure("layouts: []");
  const rollcall = await startRollcall(t, { dialects: "http", flags });
  const at = `${rollcall.url}/v2/default`;
  const put = async (path: string, body: unknown, headers = {}): Promise<void> => {
    const { status, text } = await request(`${at}/${path}`, { method: "PUT", body, headers });
    assert.ok(status < 300, `${status} ${text}`);
  };
  const ids = async (): Promise<string[]> =>
    (await request(`${at}/services/web`))
      .json()
      .instances.map(({ id }: { id: string }) => id)
      .sort();
  const keys = async (): Promise<{ key: string; lease: string | null; modRevision: number }[]> =>
    (await request(`${at}/config?prefix=/aurora/`)).json().keys;

  await put("config//aurora/web/member_0000000000", MEMBER);
  await put("services/web/instances/a", { address: "10.0.0.2", port: 80, ttl: "60s" });
  assert.deepEqual(await ids(), ["a"]);

  configure("layouts:\n  - { prefix: /aurora, kind: serverset }");
  await rollcall.restart({ flags });
  await until(() => rollcall.logs.some(({ msg }) => msg === "the layout is on"), { what: "a line in the log" });
  assert.deepEqual(await ids(), ["a", "member_0000000000"]);
  assert.deepEqual(
    (await keys()).map(({ key, lease }) => [key, lease]),
    [
      ["/aurora/web/member_0000000000", null],
      ["/aurora/web/member_0000000001", "web/a"],
    ],
  );
  const before = await keys();
  await rollcall.restart({ flags });
  assert.deepEqual(await keys(), before, "a restart changes nothing");

  // A client of the store that keeps its entry by a lease.
  const granted = (await request(`${at}/leases`, { method: "POST", body: { lease: "session", ttl: "60s" } })).json();
  await put(`config//aurora/web/member_0000000005?lease=${granted.lease}`, MEMBER);
  assert.deepEqual(await ids(), ["a", "member_0000000000", "member_0000000005"]);
  const ended = await request(`${at}/leases/session`, { method: "DELETE" });
  assert.ok(ended.status < 300, ended.text);
  assert.deepEqual(await ids(), ["a", "member_0000000000"]);
  const deleted = await request(`${at}/config//aurora/web/member_0000000001`, { method: "DELETE" });
  assert.equal(deleted.status, 200);
  assert.deepEqual(await ids(), ["member_0000000000"]);

  configure("layouts: []");
  await put("services/web/instances/b", { address: "10.0.0.3", port: 80, ttl: "60s" });
  assert.equal((await keys()).length, 2);
  await rollcall.restart({ flags });
  assert.deepEqual(await ids(), ["b"]);
  assert.deepEqual(
    (await keys()).map(({ key }) => key),
    ["/aurora/web/member_0000000000"],
  );
});

test("entries by a pattern live as long as they are written again, and stay when it is turned off", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  const layout = (life: string) =>
    `layouts:\n  - { prefix: /services, kind: pattern, pattern: "<service>/<address>:<port>"${life} }\n`;
  writeFileSync(file, layout(", life: 1s"));
  const flags = ["--config", file];
  const rollcall = await startRollcall(t, { dialects: "http", flags });
  const at = `${rollcall.url}/v2/default`;
  const put = (path: string) =>
    request(`${at}/config/${encodeURIComponent(path)}`, { method: "PUT", body: String(performance.now()) });
  const ids = async (): Promise<string[]> => {
    const { status, json } = await request(`${at}/services/web`);
    return status === 404 ? [] : json().instances.map(({ id }: { id: string }) => id);
  };
  const keys = async (): Promise<unknown[]> => (await request(`${at}/config?prefix=/services/`)).json().keys;
  await put("/services/web/10.0.0.1:80");
  assert.deepEqual(await ids(), ["10.0.0.1:80"]);
  await until(async () => (await keys()).length === 0, { what: "the entry that is not written again to go" });
  assert.deepEqual(await ids(), []);

  writeFileSync(file, layout(", life: 1h"));
  await rollcall.restart({ flags });
  await put("/services/web/10.0.0.2:80");
  writeFileSync(file, "layouts: []\n");
  await rollcall.restart({ flags });
  assert.deepEqual(await ids(), []);
  assert.deepEqual(
    (await keys()).map((key) => (key as { lease: unknown }).lease),
    [null],
    "it is an entry like any other",
  );
});

test("what is wrong in the section is said, all of it", async (t) => {
  const file = join(temporaryDirectory(t), "rollcall.yaml");
  writeFileSync(
    file,
    [
      "layouts:",
      "  - { prefix: /a, kind: serverset }",
      "  - { prefix: /a/b/, kind: serverset }",
      "  - { prefix: /a/b/, kind: serverset, account: other }",
      "  - { prefix: /c, kind: serversets }",
      "  - { prefix: 7, kind: serverset, acount: x }",
      "  - serverset",
    ].join("\n"),
  );
  await assert.rejects(startRollcall(t, { flags: ["--config", file] }), (error: Error) => {
    const said = error.message.split("\n").filter((line) => line.includes("layouts["));
    assert.equal(said.length, 5, error.message);
    assert.match(error.message, /layouts\[1\]\.prefix: lies within that of another layout/);
    assert.match(
      error.message,
      /layouts\[3\]\.kind: must be one of serverset, nerve, curator, spring-cloud, dubbo, dubbo-interfaces, go-kit, go-micro, grpc, skydns, pattern, not "serversets"/,
    );
    assert.match(error.message, /layouts\[4\]\.acount: no such setting \(did you mean account\?\)/);
    assert.match(error.message, /layouts\[4\]\.prefix: must be a text/);
    return true;
  });
});
