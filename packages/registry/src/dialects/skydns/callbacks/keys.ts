/** Callbacks as keys of the store: one key for each service that a callback watches. */
import {
  type Account,
  type AccountFacts,
  type Bytes,
  type Command,
  fromBytes,
  type InstanceRecord,
  type KeyRecord,
  toBytes,
} from "../../../core/index.ts";
import { environmentOf } from "../instances.ts";
import { ANY, isLabelOf, toLower } from "../names/labels.ts";
import type { ServiceBody } from "../wire/answer.ts";
import type { Wanted } from "../wire/bodies.ts";

/** Other dialects do not show these keys. Behind it: `<callback's uuid>/<service>/<id>`; none of them holds a slash. */
export const PREFIX: Bytes = "\0skydns/callback/";

export const UUID_LENGTH_MAX = 255;

/** Services that one request may watch: each is a step of its transaction. */
export const MATCHES_MAX = 1000;

/** A service whose end is to be told. */
export interface Watched {
  readonly key: Bytes;
  /** The key's: a callback that was asked for again is another one. */
  readonly modRevision: number;
  readonly account: Account;
  /** The callback's own UUID. */
  readonly uuid: string;
  readonly service: string;
  readonly id: string;
  /** Of the registration that is watched. */
  readonly createRevision: number;
  readonly reply: string;
  readonly port: number;
  /** The address that asked for it. */
  readonly asker: string;
  /** The service as it was then, for when its end was not seen. */
  readonly body: ServiceBody;
}

export type Target = Pick<Watched, "uuid" | "reply" | "port" | "asker">;

/** The services that a callback watches. All four fields count; `*` fits any text. The original ignores the host. */
export function findWanted(account: AccountFacts, wanted: Wanted, environment: string): readonly InstanceRecord[] {
  const found: InstanceRecord[] = [];
  const fits = (want: string, text: string): boolean =>
    want === ANY || want.toLowerCase() === text.toLowerCase() || isLabelOf(toLower(toBytes(want)), text);
  for (const service of account.services()) {
    if (!fits(wanted.Name, service.name)) continue;
    for (const record of service.instances.values()) {
      if (!fits(wanted.Version, record.version) || !fits(wanted.Region, record.zone)) continue;
      if (!fits(wanted.Environment, environmentOf(record, environment))) continue;
      found.push(record);
      if (found.length > MATCHES_MAX) return found;
    }
  }
  return found;
}

/** Watches all of these, or none when the account would have too many. */
export function toWatch(
  target: Target,
  watched: readonly { readonly record: InstanceRecord; readonly body: ServiceBody }[],
  callbacksMax: number,
): Command {
  const { uuid, reply, port, asker } = target;
  return {
    kind: "when",
    guards: [{ on: "count", of: "keys", prefix: PREFIX, below: Math.max(0, callbacksMax - watched.length + 1) }],
    then: watched.map(({ record, body }) => ({
      kind: "put",
      key: PREFIX + toBytes(`${uuid}/${record.service}/${record.id}`),
      value: toBytes(JSON.stringify({ reply, port, asker, createRevision: record.createRevision, body })),
    })),
    otherwise: [],
  };
}

/** Removes the key, unless the callback was asked for again. */
export function toForget({ key, modRevision }: Watched): Command {
  return {
    kind: "when",
    guards: [{ on: "mod", key, is: "=", than: modRevision }],
    then: [{ kind: "delete", from: key }],
    otherwise: [],
  };
}

/** Undefined for a key that this dialect did not write. */
export function readWatched(account: Account, { key, value, modRevision }: KeyRecord): Watched | undefined {
  const [uuid, service, id, more] = fromBytes(key.slice(PREFIX.length)).split("/");
  if (uuid === undefined || service === undefined || id === undefined || more !== undefined) return undefined;
  let fields: Partial<Pick<Watched, "reply" | "port" | "asker" | "createRevision" | "body">>;
  try {
    fields = JSON.parse(fromBytes(value));
  } catch {
    return undefined;
  }
  const { reply, port, asker, createRevision, body } = fields;
  if (typeof reply !== "string" || typeof port !== "number" || typeof asker !== "string") return undefined;
  if (typeof createRevision !== "number" || typeof body !== "object" || body === null) return undefined;
  return { key, modRevision, account, uuid, service, id, createRevision, reply, port, asker, body };
}
