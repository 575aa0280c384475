/** Logging in: which account a user name means, and what is answered to a wrong key. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "../../../../../../test/harness/registry.ts";
import { openAccounts } from "../../../around/accounts/access.ts";
import type { Desk } from "../desk.ts";
import { unauthorized } from "../wire/faults.ts";
import { login } from "./login.ts";

async function openLogin() {
  const { registry, clock } = await openRig();
  const access = await openAccounts(registry, {}, clock);
  const desk = { access, tenants: access.tenants } as unknown as Desk;
  const logIn = (username: string, apiKey: string) =>
    login(desk, { auth: { "RAX-KSKEY:apiKeyCredentials": { username, apiKey } } }, "http://a");
  /** The account that the answer's tenant id and token are for. */
  const accountOf = (username: string, apiKey: string): string => {
    const answer = logIn(username, apiKey);
    assert.ok("body" in answer, username);
    const { token } = (answer.body as { access: { token: { id: string; tenant: { id: string } } } }).access;
    const account = access.resolve(token.tenant.id);
    const principal = access.authenticate(token.id);
    assert.ok(account.ok && principal.ok && principal.value.account === account.value);
    return account.value;
  };
  return { access, logIn, accountOf };
}

test("user names that are no account names get one of their own that stays", async () => {
  const { logIn, accountOf } = await openLogin();
  assert.equal(accountOf("joe", "k"), "joe");
  const names = ["joe@example.com", "joe+example.com", "Jöe", "a b", "-", "x".repeat(200), "_rollcall"];
  const accounts = names.map((name) => accountOf(name, "k"));
  assert.equal(new Set(accounts).size, names.length);
  assert.deepEqual(
    names.map((name) => accountOf(name, "other")),
    accounts,
  );
  assert.match(accounts[0] as string, /^joe-example\.com-[0-9a-f]{12}$/);
  const refused = { fault: unauthorized("Invalid username or API key") };
  assert.deepEqual(logIn("x".repeat(256), "k"), refused);
});

test("with accounts, the user name is the account's name or tenant id and the key one of its tokens", async () => {
  const { access, logIn, accountOf } = await openLogin();
  await access.createToken({ account: null, role: "admin", name: "root" });
  const writer = await access.createToken({ account: "shop", role: "writer", name: "w" });
  assert.ok(writer.ok);
  const { token } = writer.value;
  assert.equal(accountOf("shop", token), "shop");
  assert.deepEqual(accountOf(access.tenants.of("shop"), token), "shop");
  const refused = { fault: unauthorized("Invalid username or API key") };
  for (const [user, key] of [
    ["shop", "any"],
    ["shop", ""],
    ["other", token],
    ["no/name", token],
  ] as const)
    assert.deepEqual(logIn(user, key), refused, user);
});
