/** The token endpoint, in the words of OpenStack Identity v2.0 as far as the clients of this API read them. */

import type { Answer, Desk } from "../desk.ts";
import { toFault } from "../services/instances.ts";
import { type Body, parseCredentials } from "../wire/bodies.ts";
import { unauthorized } from "../wire/faults.ts";

/** The clients were made where the clock showed this offset, and expect one. */
const OFFSET_MS = -5 * 3600 * 1000;

export function login({ access }: Desk, body: Body, origin: string): Answer {
  const parsed = parseCredentials(body);
  if (!parsed.ok) return parsed;
  const { user, apiKey } = parsed.value;
  const issued = access.login(user, apiKey);
  if (!issued.ok) {
    const isBusy = issued.refusal === "limit" || issued.refusal === "unavailable";
    return { fault: isBusy ? toFault(issued) : unauthorized("Invalid username or API key") };
  }
  const { token, account, expiresAtMs } = issued.value;
  const tenant = access.tenantOf(account);
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

function toExpires(atMs: number): string {
  return new Date(atMs + OFFSET_MS).toISOString().replace("Z", "-05:00");
}
