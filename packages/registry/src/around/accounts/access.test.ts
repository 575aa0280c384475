/** Accounts and tokens over a registry in this process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceOf, openRig, type Rig } from "../../../../../test/harness/registry.ts";
import { type Outcome, type Principal, SYSTEM_ACCOUNT } from "../../core/index.ts";
import { type Accounts, openAccounts } from "./access.ts";
import type { AccountsConfig } from "./config.ts";
import { LIMITS_DEFAULT } from "./limits.ts";
import { hashToken } from "./tokens.ts";

const HOUR_MS = 3600 * 1000;
const NOBODY: Principal = { account: "nobody", role: "reader", name: "nobody" };

function value<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.ok, outcome.ok ? "" : outcome.detail);
  return outcome.value;
}

function refusal(outcome: Outcome<unknown>): string {
  return outcome.ok ? "ok" : outcome.refusal;
}

async function open(config: AccountsConfig = {}, rig?: Rig): Promise<{ rig: Rig; access: Accounts }> {
  const opened = rig ?? (await openRig());
  return { rig: opened, access: await openAccounts(opened.registry, config, opened.clock) };
}

const ADMIN = { account: null, role: "admin", name: "root" } as const;

test("open mode: no token may do everything, an unknown one nothing", async () => {
  const { access } = await open();
  assert.equal(access.open, true);
  const anyone = value(access.authenticate(undefined));
  assert.equal(refusal(access.allow(anyone, "any", "admin")), "ok");
  for (const token of ["", "x", "rc_x", "rcb_x.y", "rcb_.", `rcb_${"a".repeat(5000)}.b`])
    assert.equal(refusal(access.authenticate(token)), "forbidden", token);
});

test("a token acts in its role on its account only", async () => {
  const { access } = await open();
  value(await access.createToken(ADMIN));
  const { id, token } = value(await access.createToken({ account: "shop", role: "writer", name: "deployer" }));
  const principal = value(access.authenticate(token));
  assert.deepEqual(principal, { account: "shop", role: "writer", name: "deployer", id });
  assert.equal(refusal(access.allow(principal, "shop", "reader")), "ok");
  assert.equal(refusal(access.allow(principal, "shop", "writer")), "ok");
  assert.equal(refusal(access.allow(principal, "shop", "admin")), "forbidden");
  assert.equal(refusal(access.allow(principal, "other", "reader")), "forbidden");
  assert.equal(refusal(access.allow(principal, SYSTEM_ACCOUNT, "reader")), "forbidden");
  assert.equal(refusal(access.allow({ ...NOBODY, account: null, role: "writer" }, "any", "writer")), "ok");
});

test("the first token ends open mode and must be able to make others; the last one's removal opens again", async () => {
  const { access } = await open();
  const scoped = await access.createToken({ account: "shop", role: "admin", name: "" });
  assert.equal(refusal(scoped), "invalid");
  const root = value(await access.createToken(ADMIN));
  assert.equal(access.open, false);
  assert.equal(refusal(access.authenticate(undefined)), "forbidden");
  const other = value(await access.createToken({ account: "shop", role: "reader", name: "" }));
  assert.equal(refusal(await access.removeToken(root.id)), "forbidden", "nobody could remove the other one");
  assert.equal(refusal(await access.removeToken(other.id)), "ok");
  assert.equal(refusal(access.authenticate(other.token)), "forbidden");
  assert.equal(refusal(await access.removeToken(other.id)), "not-found");
  assert.equal(refusal(await access.removeToken(root.id)), "ok");
  assert.equal(access.open, true);

  const exposed = await open({ keepClosed: true });
  const only = value(await exposed.access.createToken(ADMIN));
  assert.equal(refusal(await exposed.access.removeToken(only.id)), "forbidden");
});

test("tokens are stored hashed, listed without their secret, and known after a restart and to another node", async () => {
  const { rig, access } = await open();
  const other = (await open({}, rig)).access;
  const root = value(await access.createToken(ADMIN));
  assert.match(root.token, /^rc_[A-Za-z0-9_-]{43}$/);
  assert.equal(other.open, false, "another node of the registry follows");
  assert.equal(value(other.authenticate(root.token)).name, "root");
  const stored = JSON.stringify(await rig.commits());
  assert.doesNotMatch(stored, new RegExp(root.token.slice(3)));
  assert.deepEqual(
    access.listTokens(null).map(({ id, account, role, name }) => ({ id, account, role, name })),
    [{ id: root.id, ...ADMIN }],
  );
  assert.doesNotMatch(JSON.stringify(access.listTokens(null)), /sha256|rc_/);
  assert.deepEqual(access.listTokens("shop"), []);
  const restarted = (await open({}, rig)).access;
  assert.equal(value(restarted.authenticate(root.token)).role, "admin");
  value(await access.removeToken(root.id));
  for (const node of [other, restarted]) assert.equal(refusal(node.authenticate(root.token)), "forbidden");
});

test("accounts and tokens of the configuration count from the start and cannot be removed", async () => {
  const config: AccountsConfig = {
    accounts: {
      shop: {
        limits: { keysMax: 7 },
        tokens: [{ name: "ci", role: "writer", sha256: hashToken("secret").toUpperCase() }],
      },
    },
    limits: { instancesMax: 5 },
  };
  const { access } = await open(config);
  assert.equal(access.open, false);
  const { id, ...ci } = value(access.authenticate("secret"));
  assert.deepEqual(ci, { account: "shop", role: "writer", name: "ci" });
  assert.match(id ?? "", /^config-[0-9a-f]{16}$/);
  assert.equal(refusal(access.authenticate("Secret")), "forbidden");
  const [listed] = access.listTokens("shop");
  assert.equal(refusal(await access.removeToken(listed?.id ?? "")), "forbidden");
  assert.deepEqual(access.limitsOf("shop"), { ...LIMITS_DEFAULT, instancesMax: 5, keysMax: 7 });
  assert.deepEqual(access.limitsOf("other"), { ...LIMITS_DEFAULT, instancesMax: 5 });
  assert.deepEqual(
    access.listAccounts().map(({ account, configured }) => ({ account, configured })),
    [{ account: "shop", configured: true }],
  );
});

test("a configured token for all accounts administers, and is no way to open mode", async () => {
  const { access } = await open({ tokens: [{ name: "root", role: "admin", sha256: hashToken("secret") }] });
  assert.equal(access.open, false);
  const root = value(access.authenticate("secret"));
  assert.equal(refusal(access.allow(root, SYSTEM_ACCOUNT, "admin")), "ok");
  const { id } = value(await access.createToken({ account: "shop", role: "writer", name: "" }));
  assert.equal(refusal(await access.removeToken(id)), "ok");
  assert.equal(access.open, false);
});

test("limits are changed one by one, survive a restart and reach other nodes; bad ones are refused", async () => {
  const { rig, access } = await open();
  const other = (await open({}, rig)).access;
  value(await access.setAccount("shop", { keysMax: 10 }));
  value(await access.setAccount("shop", { leasesMax: 3 }));
  const expected = { ...LIMITS_DEFAULT, keysMax: 10, leasesMax: 3 };
  for (const node of [access, other, (await open({}, rig)).access]) {
    assert.deepEqual(node.limitsOf("shop"), expected);
    assert.deepEqual(node.listAccounts()[0]?.limits, expected);
    assert.equal(node.listAccounts()[0]?.configured, true);
  }
  await Promise.all([access.setAccount("shop", { instancesMax: 1 }), other.setAccount("shop", { servicesMax: 2 })]);
  assert.deepEqual(access.limitsOf("shop"), { ...expected, instancesMax: 1, servicesMax: 2 });
  for (const bad of [{ keysMax: -1 }, { keysMax: 1.5 }, { keysMax: Number.NaN }, { nothingMax: 1 }])
    assert.equal(refusal(await access.setAccount("shop", bad)), "invalid");
  assert.equal(refusal(await access.setAccount("no/name", {})), "invalid");
  assert.equal(refusal(await access.createToken({ ...ADMIN, account: "_rollcall" })), "invalid");
  assert.equal(refusal(await access.createToken({ ...ADMIN, name: "x".repeat(256) })), "too-large");
});

test("the request rate of one account is limited, the others are not", async () => {
  const { rig, access } = await open();
  value(await access.setAccount("shop", { requestsPerSecondMax: 10 }));
  const admitted = (): number => Array.from({ length: 50 }, () => access.admit("shop")).filter(({ ok }) => ok).length;
  assert.equal(admitted(), 10);
  assert.equal(refusal(access.admit("shop")), "limit");
  assert.equal(refusal(access.admit("other")), "ok");
  await rig.pass(500);
  assert.equal(admitted(), 5);
  await rig.pass(60_000);
  assert.equal(admitted(), 10, "no more than one second's worth is saved");
});

test("a tenant id is numeric, always the same for a name, and leads back to it", async () => {
  const { rig, access } = await open();
  await fc.assert(
    fc.asyncProperty(fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/), async (account) => {
      const tenant = access.tenants.of(account);
      assert.match(tenant, /^[1-9][0-9]{5,9}$/);
      assert.equal(access.tenants.of(account), tenant);
      assert.equal(value(access.resolve(tenant)), account);
      assert.equal(value(access.resolve(account)), account);
    }),
  );
  const tenant = access.tenants.of("shop");
  await rig.pass(100);
  const restarted = (await open({}, rig)).access;
  assert.equal(value(restarted.resolve(tenant)), "shop", "remembered over a restart");
  assert.equal((await open()).access.tenants.of("shop"), tenant, "the same in every registry");
  // A number that is nobody's tenant id is an account of that name, and its own tenant id.
  assert.equal(value(access.resolve("123456")), "123456");
  assert.equal(access.tenants.of("123456"), "123456");
  for (const bad of ["", "_rollcall", "a/b", "a b", "-a", "é", "x".repeat(65)])
    assert.equal(refusal(access.resolve(bad)), "invalid", bad);
});

test("an account that is there is found by its tenant id, and no tenant id takes the name of one", async () => {
  const rig = await openRig();
  const tenant = (await open()).access.tenants.of("shop");
  const instance = instanceOf("api", "a");
  value(await rig.registry.propose("shop", { kind: "register", instance, life: "permanent" }));
  const { access } = await open({}, rig);
  assert.equal(value(access.resolve(tenant)), "shop");
  const taken = (await open()).access.tenants.of("late");
  value(await rig.registry.propose(taken, { kind: "register", instance, life: "permanent" }));
  assert.notEqual(access.tenants.of("late"), taken);
  assert.equal(value(access.resolve(taken)), taken);
});

test("a token issued in open mode is confined to its account, and the same for half its life", async () => {
  const { rig, access } = await open();
  const first = value(access.issue("joe", "any"));
  assert.deepEqual(value(access.issue("joe", "other")), first);
  const principal = value(access.authenticate(first.token));
  assert.equal(principal.account, "joe");
  assert.equal(refusal(access.allow(principal, "joe", "writer")), "ok");
  assert.equal(refusal(access.allow(principal, "joe", "admin")), "forbidden");
  assert.equal(refusal(access.allow(principal, "ann", "reader")), "forbidden");
  assert.notEqual(value(access.issue("ann", "any")).token, first.token);

  const restarted = (await open({}, rig)).access;
  assert.equal(value(restarted.authenticate(first.token)).account, "joe");
  assert.deepEqual(value(restarted.issue("joe", "any")), first, "the same after a restart");
  const foreign = (await open()).access;
  assert.equal(refusal(foreign.authenticate(first.token)), "forbidden", "another registry has another secret");

  const left = first.expiresAtMs - rig.clock.now();
  assert.ok(left > 24 * HOUR_MS && left <= 48 * HOUR_MS);
  rig.pause(left - 24 * HOUR_MS);
  const second = value(access.issue("joe", "any"));
  assert.notEqual(second.token, first.token);
  assert.equal(value(access.authenticate(first.token)).account, "joe", "the old one lives to its end");
  rig.pause(24 * HOUR_MS);
  assert.equal(refusal(access.authenticate(first.token)), "forbidden");
  assert.equal(value(access.authenticate(second.token)).account, "joe");
});

test("a bearer of a clock that was ahead is good while it is, and not for years after", async () => {
  const { rig, access } = await open();
  rig.setClock(400 * 24 * HOUR_MS);
  const { token } = value(access.issue("joe", "any"));
  assert.equal(value(access.authenticate(token)).account, "joe");
  rig.setClock(-400 * 24 * HOUR_MS);
  assert.equal(refusal(access.authenticate(token)), "forbidden");
});

test("a bearer that was tampered with is refused", async () => {
  const { access } = await open();
  const { token } = value(access.issue("joe", "k"));
  const [claim = "", proof = ""] = token.slice(4).split(".");
  const forged = Buffer.from(Buffer.from(claim, "base64url").toString().replace("joe", "ann")).toString("base64url");
  for (const bad of [`rcb_${forged}.${proof}`, `rcb_${claim}.`, `rcb_${claim}`, token.slice(0, -2), `${token}AA`])
    assert.equal(refusal(access.authenticate(bad)), "forbidden", bad);
  fc.assert(
    fc.property(fc.nat(token.length - 2), fc.string({ minLength: 1, maxLength: 1 }), (at, char) => {
      const changed = token.slice(0, at) + char + token.slice(at + 1);
      const outcome = access.authenticate(changed);
      if (outcome.ok) assert.equal(outcome.value.account, "joe");
      if (changed !== token && /[A-Za-z0-9_-]/.test(char)) assert.equal(outcome.ok, false, changed);
    }),
  );
});

test("with accounts, a token is issued for one of that account, and ends with it", async () => {
  const { access } = await open();
  const openBearer = value(access.issue("shop", "any"));
  value(await access.createToken(ADMIN));
  assert.equal(refusal(access.authenticate(openBearer.token)), "forbidden", "open mode's bearers end with open mode");
  const writer = value(await access.createToken({ account: "shop", role: "admin", name: "w" }));
  const reader = value(await access.createToken({ account: "shop", role: "reader", name: "r" }));
  const root = value(await access.createToken({ ...ADMIN, name: "other root" }));
  const bearer = value(access.issue("shop", writer.token));
  for (const [account, token] of [
    ["shop", "any"],
    ["shop", ""],
    ["shop", root.token],
    ["shop", bearer.token],
    ["other", writer.token],
  ] as const)
    assert.equal(refusal(access.issue(account, token)), "forbidden");
  assert.equal(value(access.authenticate(bearer.token)).role, "writer");
  assert.equal(value(access.authenticate(value(access.issue("shop", reader.token)).token)).role, "reader");
  value(await access.removeToken(writer.id));
  assert.equal(refusal(access.authenticate(bearer.token)), "forbidden");
});

test("who follows is never left behind by a compaction", async () => {
  const rig = await openRig({ commitsMax: 1, historyCommitsMax: 4 });
  const { access } = await open({}, rig);
  for (let i = 0; i < 50; i++) value(await access.setAccount("shop", { keysMax: i }));
  value(await rig.registry.compact(rig.core.numbers().revision));
  const other = (await open({}, rig)).access;
  value(await access.setAccount("shop", { keysMax: 99 }));
  assert.equal(other.limitsOf("shop").keysMax, 99);
});

test("many names do not make the caches grow without bound", { timeout: 60_000 }, async () => {
  const { access } = await open();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 30_000; i++) access.authenticate(`unknown-${i}`);
  for (let i = 0; i < 15_000; i++) access.authenticate(value(access.issue(`user-${i}`, "k")).token);
  assert.ok(process.memoryUsage().heapUsed - before < 200_000_000);
});
