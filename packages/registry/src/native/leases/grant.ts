/** @live Leases that clients ask for by themselves. */
import { randomBytes } from "node:crypto";
import type { GrantedBody } from "@rollcall/client";
import { type Account, type Command, type Outcome, ok, type Registry } from "../../core/index.ts";
import type { Json } from "../../net/routes/json.ts";
import { Fields, LEASE_LENGTH_MAX } from "../wire/fields.ts";
import { readTtl, TTL_MS_DEFAULT } from "../wire/registration.ts";

const FIELDS: ReadonlySet<string> = new Set(["lease", "ttl", "meta"]);

/** Any printable text, but not the word that stands in its place in `POST …/leases/renew`. */
function isLegalLease(lease: string): boolean {
  return lease !== "" && lease !== "renew" && !/[\p{C}]|^\s|\s$/u.test(lease);
}

/** 16 characters. None begins with a dash: on a command line it would be taken for a flag. */
function makeLeaseId(): string {
  return randomBytes(12).toString("base64url").replace(/^-/, "_");
}

interface Granted extends GrantedBody {
  readonly created: boolean;
}

/** `body`: a GrantBody. */
export async function grant(
  registry: Pick<Registry, "propose">,
  account: Account,
  body: Json,
  via: string,
): Promise<Outcome<Granted>> {
  const fields = new Fields(body, FIELDS);
  fields.need("ttl");
  const chosen = fields.has("lease");
  const lease = fields.text("lease", makeLeaseId(), LEASE_LENGTH_MAX);
  const ttlMs = readTtl(fields, TTL_MS_DEFAULT, false);
  const meta = fields.pairs("meta");
  if (!isLegalLease(lease)) fields.fail('field lease must be printable text, and not the word "renew"');
  if (fields.fault !== undefined) return fields.fault;
  const granted: Command = { kind: "grant", lease, ttlMs, via };
  const command: Command = fields.has("meta") ? { ...granted, meta } : granted;
  // A chosen name granted again is the same wish told twice, or a new ttl.
  const outcome = await registry.propose(account, chosen ? command : { ...command, ifAbsent: true });
  if (!outcome.ok) return outcome;
  const created = outcome.value.commit?.changes.some((change) => change.before === null) ?? false;
  return ok({ lease, ttlMs, revision: outcome.value.revision, created });
}
