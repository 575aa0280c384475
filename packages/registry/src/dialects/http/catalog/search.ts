/** @live Handler of the search over names, addresses and keys of an account. */
import type { SearchBody } from "@rollcall/client";
import { type AccountView, fromBytes, isUsable, mainPort, refuse, statusOf, toBytes } from "../../../core/index.ts";
import { decodeCount } from "../../../native/wire/numbers.ts";
import { fromPrefix } from "../../../native/wire/reserved.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;
const QUERY_LENGTH_MAX = 256;
/** Of each kind, in one go. */
const LOOKS_MAX = 100_000;

type Found = Omit<SearchBody, "revision" | "complete"> & { complete: boolean };

/** GET …/search */
export function search({ desk, account: name, query }: Exchange): Result {
  const text = query.get("q") ?? "";
  if (text === "" || text.length > QUERY_LENGTH_MAX)
    return refuse("invalid", `query parameter q must have 1 to ${QUERY_LENGTH_MAX} characters`);
  const limit = decodeCount(query.get("limit") ?? String(LIMIT_DEFAULT));
  if (limit === undefined || limit < 1 || limit > LIMIT_MAX)
    return refuse("invalid", `query parameter limit must be an integer from 1 to ${LIMIT_MAX}`);
  return desk.registry.read((view): Result => {
    const account = view.account(name);
    const found: Found = { services: [], instances: [], keys: [], complete: true };
    if (account !== undefined) {
      findServices(account, text.toLowerCase(), limit, found);
      findInstances(account, text.toLowerCase(), limit, found);
      findKeys(account, text, limit, found);
    }
    const body: SearchBody = { revision: view.revision, ...found };
    return toJson(body);
  });
}

function findServices(account: AccountView, text: string, limit: number, found: Found): void {
  let looks = 0;
  for (const { name, instances } of account.services()) {
    if (found.services.length >= limit || ++looks > LOOKS_MAX) {
      found.complete = false;
      return;
    }
    if (!name.toLowerCase().includes(text)) continue;
    let usable = 0;
    for (const record of instances.values()) if (isUsable(record)) usable++;
    found.services.push({ service: name, instances: instances.size, usable });
  }
}

/** By id and by address with the main port. */
function findInstances(account: AccountView, text: string, limit: number, found: Found): void {
  let looks = 0;
  for (const record of account.instances()) {
    if (found.instances.length >= limit || ++looks > LOOKS_MAX) {
      found.complete = false;
      return;
    }
    const { service, id, address, ports, held } = record;
    const port = mainPort(ports) ?? 0;
    if (!id.toLowerCase().includes(text) && !`${address}:${port}`.toLowerCase().includes(text)) continue;
    found.instances.push({ service, id, address, port, status: statusOf(record), held: held !== null });
  }
}

function findKeys(account: AccountView, text: string, limit: number, found: Found): void {
  const bytes = toBytes(text);
  let looks = 0;
  for (const { key } of account.entries(fromPrefix(""), "")) {
    if (found.keys.length >= limit || ++looks > LOOKS_MAX) {
      found.complete = false;
      return;
    }
    if (key.includes(bytes)) found.keys.push(fromBytes(key));
  }
}
