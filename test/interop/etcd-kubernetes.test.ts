/**
 * Kubernetes' API server with Rollcall as its only etcd. Building it takes minutes, so it is run where it is:
 * ROLLCALL_KUBE_APISERVER names the program; `go build -C test/interop/go/kube-apiserver -o …` makes it.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { request as requestHttps } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { Caller, startEtcd } from "../etcd/dialect/rig.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { startShown } from "./programs-rig.ts";

const PATH = process.env.ROLLCALL_KUBE_APISERVER ?? "";
const skip = existsSync(PATH) ? false : "ROLLCALL_KUBE_APISERVER names no program";

/** More than a page of the API server's own, and of its clients'. */
const MAPS = 1200;
const PAGE = 500;
const AT_ONCE = 50;
const TOKEN = "of-the-test";

interface Kubernetes {
  ask(method: string, path: string, body?: unknown): ReturnType<typeof request>;
  /** The lines of a watch. */
  watch(path: string): { readonly lines: readonly { readonly type: string; readonly object: Named }[]; close(): void };
}

interface Named {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

async function startKubernetes(scope: PeerScope, etcdPort: number): Promise<Kubernetes> {
  const folder = temporaryDirectory(scope, "kubernetes");
  const port = await freePort();
  const [keyFile, tokens] = [join(folder, "sa.key"), join(folder, "tokens.csv")];
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }));
  writeFileSync(tokens, `${TOKEN},admin,1,system:masters\n`);
  startShown(scope, "kube-apiserver", PATH, [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    ...["--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", `--cert-dir=${folder}`],
    ...["--service-account-issuer=https://rollcall.test", "--service-cluster-ip-range=10.96.0.0/16"],
    ...[`--service-account-key-file=${keyFile}`, `--service-account-signing-key-file=${keyFile}`],
    ...[`--token-auth-file=${tokens}`, "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"],
    ...["--event-ttl=10s", "--endpoint-reconciler-type=none"],
  ]);
  const connection = { rejectUnauthorized: false };
  const headers = { authorization: `Bearer ${TOKEN}` };
  const ask: Kubernetes["ask"] = (method, path, body) =>
    request(`https://127.0.0.1:${port}${path}`, {
      method,
      headers,
      connection,
      ...(body === undefined ? {} : { body }),
    });
  await until(async () => (await ask("GET", "/readyz")).status === 200, { what: "the API server", timeoutMs: 120_000 });
  const watch: Kubernetes["watch"] = (path) => {
    const lines: { type: string; object: Named }[] = [];
    const outgoing = requestHttps({ host: "127.0.0.1", port, path, headers, ...connection }, (answer) => {
      let rest = "";
      answer.on("data", (piece: Buffer) => {
        const all = `${rest}${piece}`.split("\n");
        rest = all.pop() ?? "";
        lines.push(...all.map((line) => JSON.parse(line)));
      });
      answer.on("error", () => {});
    });
    outgoing.on("error", () => {}).end();
    scope.after(() => void outgoing.destroy());
    return { lines, close: () => void outgoing.destroy() };
  };
  return { ask, watch };
}

test("a Kubernetes API server keeps all it has here", { skip, timeout: 300_000 }, async (t) => {
  const rollcall = await startEtcd(t, { dialects: "etcd" });
  const kubernetes = await startKubernetes(t, rollcall.port("etcd"));
  const must = async (method: string, path: string, body?: unknown) => {
    const answer = await kubernetes.ask(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
    return answer.json();
  };
  await must("POST", "/api/v1/namespaces", { metadata: { name: "shop" } });
  const maps = "/api/v1/namespaces/shop/configmaps";
  const watch = kubernetes.watch(`${maps}?watch=1`);
  const names = Array.from({ length: MAPS }, (_, nth) => `m-${String(nth).padStart(5, "0")}`);
  for (let first = 0; first < MAPS; first += AT_ONCE)
    await Promise.all(
      names.slice(first, first + AT_ONCE).map((name) => must("POST", maps, { metadata: { name }, data: { name } })),
    );
  await until(() => watch.lines.length >= MAPS, { what: "all to be watched" });

  // Page by page from the store, at the revision of the first.
  const listed: string[] = [];
  for (let next: string | undefined = ""; next !== undefined; ) {
    const page = await must("GET", `${maps}?limit=${PAGE}&continue=${encodeURIComponent(next)}`);
    listed.push(...page.items.map(({ metadata }: Named) => metadata.name));
    next = page.metadata.continue || undefined;
    if (listed.length === PAGE) await must("DELETE", `${maps}/${names[MAPS - 1]}`);
  }
  assert.deepEqual(listed, names);

  const one = await must("GET", `${maps}/${names[0]}`);
  await must("PUT", `${maps}/${names[0]}`, { ...one, data: { changed: "yes" } });
  const stale = await kubernetes.ask("PUT", `${maps}/${names[0]}`, { ...one, data: { changed: "no" } });
  assert.equal(stale.status, 409);
  await until(() => watch.lines.some(({ type }) => type === "MODIFIED"), { what: "the change" });
  // From a revision of the past: that of the first, or of another one that was made at the same time.
  const again = kubernetes.watch(`${maps}?watch=1&resourceVersion=${one.metadata.resourceVersion}`);
  await until(() => again.lines.length > MAPS - AT_ONCE, { what: "the past" });

  const leases = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";
  await must("POST", leases, { metadata: { name: "leader" }, spec: { holderIdentity: "a", leaseDurationSeconds: 15 } });
  assert.equal((await must("GET", `${leases}/leader`)).spec.holderIdentity, "a");
  // Kept for a while, by a lease of etcd's.
  const events = "/api/v1/namespaces/shop/events";
  const about = { kind: "ConfigMap", namespace: "shop", name: "m-00000" };
  await must("POST", events, { metadata: { name: "e1" }, involvedObject: about, reason: "Made", type: "Normal" });
  assert.equal((await must("GET", events)).items.length, 1);
  await until(async () => (await must("GET", events)).items.length === 0, {
    what: "the event to end",
    timeoutMs: 90_000,
  });

  await must("DELETE", maps);
  await until(() => watch.lines.filter(({ type }) => type === "DELETED").length === MAPS, { what: "all to be gone" });
  const caller = new Caller(t, rollcall.port("etcd"));
  const left = await caller.must("KV/Range", {
    key: "/registry/configmaps/shop/",
    range_end: "/registry/configmaps/shop0",
  });
  assert.equal(left.count ?? 0, 0);
});
