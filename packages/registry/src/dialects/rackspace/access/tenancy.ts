/** Who asks, for which tenant, and whether that is allowed. */
import { type Access, type Account, type Outcome, ok, type Principal } from "../../../core/index.ts";
import { decodeSegment, type Query } from "../../../net/http/query.ts";
import { findHeaders, type Request } from "../../../net/http/request.ts";
import { bad, badRequest, type Faulty, unauthorized } from "../wire/faults.ts";
import type { Target } from "../wire/request.ts";

export interface Tenancy {
  readonly account: Account;
  /** The tenant as it belongs into addresses: as the client wrote it. */
  readonly tenant: string;
}

const INVALID = bad(unauthorized("Invalid or expired authentication token"));

/** Checks the tenant, the token, and that they belong together. */
export function admitTenant(access: Access, request: Request, target: Target): Outcome<Tenancy, Faulty> {
  const named = nameTenant(access, request, target);
  if (!named.ok) return named;
  const token = tokenIn(request, target.query);
  if (!token.ok) return token;
  const principal = access.authenticate(token.value);
  if (!principal.ok) {
    return token.value === undefined ? bad(unauthorized("No authentication token provided")) : INVALID;
  }
  const need = request.method === "GET" ? "reader" : "writer";
  request.who = principal.value.name;
  const admitted = admitPrincipal(access, principal.value, named.value, need);
  if (admitted.ok) request.account = admitted.value.account;
  return admitted;
}

function admitPrincipal(
  access: Access,
  principal: Principal,
  { name, tenant }: Named,
  need: "reader" | "writer",
): Outcome<Tenancy, Faulty> {
  const account = access.resolve(name);
  // A token is good for its own tenant only. The others are not even told apart from those that do not exist.
  if (principal.account !== null && !(account.ok && account.value === principal.account)) return INVALID;
  if (!account.ok) return bad(badRequest("Invalid tenant id", account.detail));
  const allowed = access.allow(principal, account.value, need);
  if (allowed.ok) return ok({ account: account.value, tenant });
  return bad({ type: "forbiddenError", message: "forbidden", details: allowed.detail });
}

interface Named {
  readonly name: string;
  readonly tenant: string;
}

/** The tenant stands in the path, or in X-Tenant-Id; in both only if they agree. */
function nameTenant(access: Access, request: Request, target: Target): Outcome<Named, Faulty> {
  // Joined, so that two different ones are no tenant at all.
  const headers = findHeaders(request.rawHeaders, "x-tenant-id");
  const header = headers.join(", ");
  if (target.tenant === null) {
    if (header === "") return bad(unauthorized("No tenant id provided"));
    return ok({ name: header, tenant: encodeURIComponent(header) });
  }
  const decoded = decodeSegment(target.tenant);
  const name = decoded.ok ? decoded.value : "";
  if (headers.length > 0 && header !== name && !isSame(access, header, name)) {
    return bad(badRequest("Invalid tenant id", "X-Tenant-Id header does not match the tenant id in the path"));
  }
  return ok({ name, tenant: target.tenant });
}

/** An account may be called by its name and by its tenant id. */
function isSame(access: Access, one: string, other: string): boolean {
  const [a, b] = [access.resolve(one), access.resolve(other)];
  return a.ok && b.ok && a.value === b.value;
}

/** The token stands in X-Auth-Token, in the query, or in both if they agree. Authorization is none, but must not differ. */
function tokenIn(request: Request, query: Query): Outcome<string | undefined, Faulty> {
  const { token } = request;
  // Joined, so that two different ones are no token at all.
  const ofQuery = [...new Set(query.all("x-auth-token"))].join(",");
  const [given, ...more] = [request.header("x-auth-token"), ofQuery].filter((one) => one);
  if (given !== undefined && token.ok && token.value) more.push(token.value);
  if (!token.ok || more.some((one) => one !== given))
    return bad(unauthorized("More than one authentication token provided"));
  return ok(given);
}
