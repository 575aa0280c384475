/** @live Says to a client who it is. */
import type { WhoamiBody } from "@rollcall/client";
import { SYSTEM_ACCOUNT } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";

const ACCOUNTS_MAX = 1000;

/** GET /v2/_/whoami */
export function getWhoami({ desk, principal }: Exchange): Result {
  const { access, registry } = desk;
  const { id, name, role, account } = principal;
  const names = new Set(access.listAccounts().map((one) => one.account));
  registry.read((view) => {
    for (const one of view.accounts()) names.add(one.name);
    return names;
  });
  names.delete(SYSTEM_ACCOUNT);
  const accounts = [...names].filter((one) => access.allow(principal, one, "reader").ok).sort();
  const body: WhoamiBody = {
    open: access.open,
    token: id === undefined ? null : { id: id === "" ? null : id, name, role, account },
    role,
    accounts: accounts.slice(0, ACCOUNTS_MAX),
  };
  return toJson(body);
}
