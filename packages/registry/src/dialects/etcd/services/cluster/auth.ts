/**
 * @live Users are accounts, and passwords their tokens. Roles are those of tokens. All of it is Rollcall's to change:
 * `rollcall token`, or its configuration.
 */
import { type Access, ROLES, type Role, toBuffer } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { type Desk, headNow, within } from "../../desk.ts";
import type { Permission_Type } from "../../proto/generated/auth.ts";
import type { AuthenticateRequest, AuthRoleGetRequest, AuthUserGetRequest } from "../../proto/generated/rpc.ts";
import { ERRORS } from "../../refusals.ts";

/** The name by which whoever has a token for all accounts comes. */
const ROOT = "root";

export function authStatus(desk: Desk, call: Call) {
  return within(desk, call, "reader", () => ({ header: headNow(desk), enabled: !desk.access.open, authRevision: 1n }));
}

/** Gives a token that ends with the password, or the password itself where that may more than any such token may. */
export async function authenticate(desk: Desk, _call: Call, { name, password }: AuthenticateRequest) {
  const { access } = desk;
  if (access.open) return ERRORS.authNotEnabled;
  let token = tokenFor(access, name, password);
  if (token === undefined) {
    // It may have been made at another node a moment ago.
    await access.catchUp();
    token = tokenFor(access, name, password);
  }
  return token === undefined ? ERRORS.authFailed : { header: headNow(desk), token };
}

function tokenFor(access: Access, name: string, password: string): string | undefined {
  const known = access.authenticate(password);
  if (!known.ok) return undefined;
  const { account, role } = known.value;
  const named = access.resolve(name);
  if (account === null ? name !== ROOT : !named.ok || named.value !== account) return undefined;
  if (account === null || role === "admin") return password;
  const issued = access.issue(account, password);
  return issued.ok ? issued.value.token : undefined;
}

const NOT_OURS = new Status(
  CODES.failedPrecondition,
  "etcdserver: not capable: users are accounts of Rollcall, and passwords their tokens; `rollcall token` makes them",
);

export function refuseChange(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => NOT_OURS);
}

const NO_ROOT = new Status(CODES.failedPrecondition, "etcdserver: root user does not exist");

/** Nobody is let in by less than the configuration says. */
export function enable(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => (desk.access.open ? NO_ROOT : { header: headNow(desk) }));
}

export function listUsers(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => {
    const { access } = desk;
    const accounts = access.listAccounts().map(({ account }) => account);
    return { header: headNow(desk), users: [...(access.listTokens(null).length > 0 ? [ROOT] : []), ...accounts] };
  });
}

export function getUser(desk: Desk, call: Call, { name }: AuthUserGetRequest) {
  return within(desk, call, "admin", () => {
    const { access } = desk;
    const named = access.listAccounts().find(({ account }) => account === name);
    if (named === undefined && name !== ROOT) return ERRORS.userNotFound;
    const tokens = access.listTokens(name === ROOT ? null : name);
    return { header: headNow(desk), roles: ROLES.filter((role) => tokens.some((token) => token.role === role)) };
  });
}

export function listRoles(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => ({ header: headNow(desk), roles: [...ROLES] }));
}

const READ = 0;
const READWRITE = 2;

/** Each may do what it may with all keys of the account. */
export function getRole(desk: Desk, call: Call, { role }: AuthRoleGetRequest) {
  return within(desk, call, "admin", () => {
    if (!(ROLES as readonly string[]).includes(role)) return ERRORS.roleNotFound;
    const permType: Permission_Type = (role as Role) === "reader" ? READ : READWRITE;
    return { header: headNow(desk), perm: [{ permType, key: toBuffer("\0"), rangeEnd: toBuffer("\0") }] };
  });
}
