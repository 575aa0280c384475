/** The token endpoint, in the words of OpenStack Identity v2.0 as far as the clients of this API read them. */
import { createHash } from "node:crypto";
import { type Account, isLegalAccount } from "../../../core/index.ts";
import type { Answer, Desk } from "../desk.ts";
import { type Body, parseCredentials } from "../wire/bodies.ts";
import { unauthorized } from "../wire/faults.ts";

/** The clients were made where the clock showed this offset, and expect one. */
const OFFSET_MS = -5 * 3600 * 1000;
const USER_LENGTH_MAX = 255;

export function login({ access, tenants }: Desk, body: Body, origin: string): Answer {
  const parsed = parseCredentials(body);
  if (!parsed.ok) return parsed;
  const { user, apiKey } = parsed.value;
  const account = access.resolve(access.open && user.length <= USER_LENGTH_MAX ? legalName(user) : user);
  const issued = account.ok ? access.issue(account.value, apiKey) : account;
  // One answer for all, so that nobody learns which accounts there are.
  if (!account.ok || !issued.ok) return { fault: unauthorized("Invalid username or API key") };
  const { token, expiresAtMs } = issued.value;
  const tenant = tenants.of(account.value);
  const answer = {
    token: { id: token, expires: toExpires(expiresAtMs), tenant: { id: tenant, name: tenant } },
    // Clients look for this entry by name and type, and take the tenant from the end of its one address.
    serviceCatalog: [
      {
        name: "cloudServers",
        type: "compute",
        endpoints: [{ tenantId: tenant, publicURL: `${origin}/v1.0/${tenant}` }],
      },
    ],
    user: { id: tenant, name: user, roles: [] },
  };
  return { status: 200, body: { access: answer } };
}

/** Any user name has an account: what is no legal account name (a mail address, say) gets one of its own that stays. */
export function legalName(user: string): Account {
  if (isLegalAccount(user)) return user;
  const plain = user.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return `${plain.slice(0, 48) || "user"}-${createHash("sha256").update(user).digest("hex").slice(0, 12)}`;
}

function toExpires(atMs: number): string {
  return new Date(atMs + OFFSET_MS).toISOString().replace("Z", "-05:00");
}
