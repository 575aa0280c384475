/** Reads `dialectSettings.dns`. What is wrong is a sentence that names the setting. */
import { resolve } from "node:path";
import { isLegalAccount, type Outcome, ok, ROLES, refuse } from "../../../core/index.ts";
import { sayWhy } from "../../../net/why.ts";
import type { NameSource } from "../../contract.ts";
import { toNotes } from "../labels/meta.ts";
import { isTaken } from "../labels/text.ts";
import type { Name } from "../wire/message.ts";
import { isWithin, lowerLabel, parseName, sameName, showName } from "../wire/name.ts";
import { readKeyFile } from "./key-file.ts";
import type { Networks, Secondary, Server, Settings, TsigKey } from "./model.ts";
import { LOOPBACK, networks, PRIVATE, toAddressBytes, toNetworks } from "./networks.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What else is known when settings are read. */
export interface Surroundings {
  /** Where relative paths begin. */
  readonly directory: string;
  /** How other protocols name things in DNS. */
  readonly names: readonly NameSource[];
  /** The dialects that keep notes in the meta of instances. */
  readonly notes: readonly string[];
  /** The text of the file at an absolute path. Throws a sentence that repeats nothing of the text. */
  readonly readSecret: (path: string) => string;
}

const ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"] as const;
const DAY_S = 24 * 3600;
const DNS_PORT = 53;
const SECRET_BYTES_MIN = 16;

/** A mistake in the settings; its message says which. */
class Wrong extends Error {
  override readonly name = "Wrong";
}

export function readSettings(fields: Fields, around: Surroundings): Outcome<Settings> {
  try {
    return ok(read(fields, around));
  } catch (error) {
    if (error instanceof Wrong) return refuse("invalid", error.message);
    throw error;
  }
}

function read(fields: Fields, around: Surroundings): Settings {
  const from = new FieldReader(fields, "dns");
  const keys = from.list("keys", (value, place) => toKey(value, place, around));
  const settings: Settings = {
    domain: from.get("domain", toName) ?? ["rollcall"],
    zones: from.list("zones", toZone),
    ttlS: from.get("ttlS", whole(0, 7 * DAY_S)) ?? 5,
    negativeTtlS: from.get("negativeTtlS", whole(0, 3 * 3600)) ?? 1,
    nameServers: from.list("nameServers", toName),
    addresses: from.list("addresses", toAddress),
    mailbox: from.get("mailbox", toMailbox),
    whenNoneHealthy: from.get("whenNoneHealthy", oneOf(["nothing", "held"] as const)) ?? "nothing",
    heldMs: from.get("heldMs", whole(0, DAY_S * 1000)) ?? 60_000,
    sources: toSources(from, around.names),
    notes: toNotes(around.notes),
    reverse: from.get("reverse", toNetworkSet) ?? networks(PRIVATE),
    allowQuery: from.get("allowQuery", toNetworkSet),
    allowTransfer: from.get("allowTransfer", toNetworkSet) ?? networks([]),
    keys,
    notify: from.list("notify", (value, place) => toSecondary(value, place, keys)),
    updateLease: from.get("updateLease", oneOf(["none", "ttl"] as const)) ?? "none",
    forward: from.list("forward", toServer),
    forwardTimeoutMs: from.get("forwardTimeoutMs", whole(10, 60_000)) ?? 2000,
    allowForward: from.get("allowForward", toNetworkSet) ?? networks(PRIVATE),
    files: from.list("files", (value, place) => toFile(value, place, around.directory)),
    responsesPerSecond: from.get("responsesPerSecond", whole(0, 10_000_000)) ?? 500,
    unlimited: from.get("unlimited", toNetworkSet) ?? networks(LOOPBACK),
    udpBytesMax: from.get("udpBytesMax", whole(512, 65_507)) ?? 1232,
    tcpIdleMs: from.get("tcpIdleMs", whole(100, 3600_000)) ?? 10_000,
    tcpConnectionsMax: from.get("tcpConnectionsMax", whole(1, 100_000)) ?? 1000,
  };
  from.end();
  refuseDoubles(settings);
  refuseHiding(settings);
  return settings;
}

/** Of two zones or two keys of one name nobody could tell which one is meant. */
function refuseDoubles(settings: Settings): void {
  const zones = [settings.domain, ...settings.zones.map((zone) => zone.name)];
  for (const source of settings.sources.values()) if (source !== null) zones.push(source.domain);
  refuseSame(zones, "zones");
  refuseSame(
    settings.keys.map((key) => key.name),
    "keys",
  );
}

/** A zone at or below `addr` or `ns` of another zone would hide names that SRV records of the other one point at. */
function refuseHiding(settings: Settings): void {
  const all = [settings.domain, ...settings.zones.map((zone) => zone.name)];
  for (const name of all) {
    for (const above of all) {
      const isHiding = name.slice(0, name.length - above.length).some((label) => isTaken(lowerLabel(label)));
      if (isWithin(name, above) && isHiding)
        throw new Wrong(`dns: the zone ${showName(name)} would hide addresses of ${showName(above)}`);
    }
  }
}

function refuseSame(names: readonly Name[], what: string): void {
  for (const [i, name] of names.entries())
    if (names.slice(0, i).some((other) => sameName(name, other)))
      throw new Wrong(`dns has two ${what} named ${showName(name)}`);
}

type Convert<T> = (value: unknown, place: string) => T;

/** Takes fields out of a map; a field that nobody took is a mistake. */
class FieldReader {
  readonly #fields: Fields;
  readonly #place: string;
  readonly #known = new Set<string>();

  constructor(value: unknown, place: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Wrong(`${place} must be a map`);
    this.#fields = value as Fields;
    this.#place = place;
  }

  get<T>(key: string, convert: Convert<T>): T | undefined {
    this.#known.add(key);
    const value = Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
    return value === undefined ? undefined : convert(value, `${this.#place}.${key}`);
  }

  need<T>(key: string, convert: Convert<T>): T {
    const value = this.get(key, convert);
    if (value === undefined) throw new Wrong(`${this.#place}.${key} is missing`);
    return value;
  }

  /** A single value stands for a list of one. */
  list<T>(key: string, convert: Convert<T>): readonly T[] {
    return (
      this.get(key, (value, place) => {
        if (!Array.isArray(value)) return [convert(value, place)];
        return value.map((one, i) => convert(one, `${place}[${i}]`));
      }) ?? []
    );
  }

  end(): void {
    for (const key of Object.keys(this.#fields))
      if (!this.#known.has(key)) throw new Wrong(`${this.#place} knows no setting ${key}`);
  }
}

function toText(value: unknown, place: string): string {
  if (typeof value !== "string" || value === "") throw new Wrong(`${place} must be a text`);
  return value;
}

function whole(min: number, max: number): Convert<number> {
  return (value, place) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      throw new Wrong(`${place} must be a whole number from ${min} to ${max}`);
    return value as number;
  };
}

function oneOf<T extends string>(choices: readonly T[]): Convert<T> {
  return (value, place) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Wrong(`${place} must be one of ${choices.join(", ")}`);
    return found;
  };
}

/** With a dot at the end or without: there are no relative names in settings. */
function toName(value: unknown, place: string): Name {
  const name = parseName(toText(value, place));
  if (name === undefined) throw new Wrong(`${place} must be a domain name`);
  return name;
}

/** RFC 1035 §8: the part before the @ is the first label. */
function toMailbox(value: unknown, place: string): Name {
  const text = toText(value, place);
  const at = text.lastIndexOf("@");
  if (at < 0) return toName(text, place);
  return toName(`${text.slice(0, at).replaceAll(".", "\\.")}.${text.slice(at + 1)}`, place);
}

function toAccount(value: unknown, place: string): string {
  const account = toText(value, place);
  if (!isLegalAccount(account)) throw new Wrong(`${place} must be the name of an account`);
  return account;
}

function toAddress(value: unknown, place: string): string {
  const address = toText(value, place);
  if (toAddressBytes(address) === undefined) throw new Wrong(`${place} must be an IP address`);
  return address;
}

function toNetworkSet(value: unknown, place: string): Networks {
  const texts = Array.isArray(value) ? value : [value];
  const set = toNetworks(texts.map((text, i) => toText(text, Array.isArray(value) ? `${place}[${i}]` : place)));
  if (!set.ok)
    throw new Wrong(
      `${place}: ${set.detail}; write an address, a network like 10.0.0.0/8, any, none, loopback or private`,
    );
  return set.value;
}

/** A server, or a map that names its key as well. */
function toSecondary(value: unknown, place: string, keys: readonly TsigKey[]): Secondary {
  if (typeof value !== "object") return { ...toServer(value, place), key: undefined };
  const from = new FieldReader(value, place);
  const key = from.get("key", (name, at) => {
    const wanted = toName(name, at);
    const found = keys.find((one) => sameName(one.name, wanted));
    // The value is not shown: somebody may have written a whole key, as command lines take it.
    if (found === undefined) throw new Wrong(`${at} must be the name of one of dns.keys`);
    return found;
  });
  const server = { ...takeServer(from), key };
  from.end();
  return server;
}

function takeServer(from: FieldReader): Server {
  return { address: from.need("address", toAddress), port: from.get("port", whole(1, 65_535)) ?? DNS_PORT };
}

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`, or a map of address and port. */
function toServer(value: unknown, place: string): Server {
  if (typeof value === "object") {
    const from = new FieldReader(value, place);
    const server = takeServer(from);
    from.end();
    return server;
  }
  const text = toText(value, place);
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  const [address, port] = match === null ? [text, undefined] : [match[1] as string, match[2]];
  const portNumber = port === undefined ? DNS_PORT : Number(port);
  if (toAddressBytes(address) === undefined || portNumber < 1 || portNumber > 65_535)
    throw new Wrong(`${place} must be an IP address, with :port if that is not ${DNS_PORT}`);
  return { address, port: portNumber };
}

function toZone(value: unknown, place: string): Settings["zones"][number] {
  const from = new FieldReader(value, place);
  const zone = { name: from.need("name", toName), account: from.get("account", toAccount) ?? "default" };
  from.end();
  return zone;
}

function toKey(value: unknown, place: string, around: Surroundings): TsigKey {
  const from = new FieldReader(value, place);
  const name = from.need("name", toName);
  const algorithm = from.get("algorithm", oneOf(ALGORITHMS));
  const path = from.get("secretFile", toText);
  const inPlace = from.get("secret", toSecret);
  if (path !== undefined && inPlace !== undefined) throw new Wrong(`${place} has a secret and a secretFile; give one`);
  const inFile =
    path === undefined ? undefined : toSecretOfFile(path, `${place}.secretFile`, around, { name, algorithm });
  const secret = inFile?.secret ?? inPlace;
  if (secret === undefined) throw new Wrong(`${place}.secret is missing; or give a secretFile`);
  const key: TsigKey = {
    name,
    algorithm: algorithm ?? inFile?.algorithm ?? "hmac-sha256",
    secret,
    account: from.get("account", (account, at) => (account === null ? null : toAccount(account, at))) ?? null,
    role: from.get("role", oneOf(ROLES)) ?? "reader",
  };
  from.end();
  return key;
}

type Algorithm = TsigKey["algorithm"];

/** Name and algorithm, where the file of a key has them, must be those of the settings. */
function toSecretOfFile(
  given: string,
  place: string,
  around: Surroundings,
  key: { readonly name: Name; readonly algorithm: Algorithm | undefined },
): { readonly secret: Buffer; readonly algorithm: Algorithm | undefined } {
  const path = resolve(around.directory, given);
  const file = readKeyFile(readText(path, place, around));
  const at = `${place}: ${path}`;
  if (file === undefined) throw new Wrong(`${at} must hold a secret in base64, or one statement key of BIND`);
  const name = file.name === undefined ? key.name : parseName(file.name);
  if (name === undefined || !sameName(name, key.name))
    throw new Wrong(`${at} has another key than ${showName(key.name)}`);
  const algorithm =
    file.algorithm === undefined
      ? key.algorithm
      : oneOf(ALGORITHMS)(file.algorithm.toLowerCase(), `${at}: the algorithm`);
  if (key.algorithm !== undefined && algorithm !== key.algorithm)
    throw new Wrong(`${at} has the algorithm ${algorithm}, the settings have ${key.algorithm}`);
  return { secret: toSecret(file.secret, `${at}: the secret`), algorithm };
}

function readText(path: string, place: string, around: Surroundings): string {
  try {
    return around.readSecret(path);
  } catch (error) {
    throw new Wrong(`${place}: ${path} cannot be read: ${sayWhy(error)}`);
  }
}

/** A short secret can be found by trying (RFC 8945 §7). */
function toSecret(value: unknown, place: string): Buffer {
  const text = toText(value, place);
  const secret = Buffer.from(text, "base64");
  // Never the value itself: sentences are logged.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new Wrong(`${place} must be base64`);
  if (secret.length < SECRET_BYTES_MIN)
    throw new Wrong(`${place} must be at least ${SECRET_BYTES_MIN} bytes in base64`);
  return secret;
}

function toFile(value: unknown, place: string, directory: string): Settings["files"][number] {
  const from = new FieldReader(typeof value === "string" ? { path: value } : value, place);
  const file = {
    path: resolve(directory, from.need("path", toText)),
    origin: from.get("origin", toName),
    account: from.get("account", toAccount) ?? "default",
    pollMs: from.get("pollMs", whole(50, DAY_S * 1000)) ?? 5000,
  };
  from.end();
  return file;
}

type Source = NonNullable<ReturnType<Settings["sources"]["get"]>>;

/** The names of all protocols, by default as their sources have them; `false` or null turns them off. */
function toSources(from: FieldReader, names: readonly NameSource[]): Settings["sources"] {
  const sources = new Map<string, Source | null>();
  const configured = from.get("sources", (value, place) => new FieldReader(value, place));
  for (const source of names) {
    const found = configured?.get(source.dialect, (value, place) =>
      value === false || value === null ? null : toSource(value, place, source),
    );
    sources.set(source.dialect, found === undefined ? toSource({}, "", source) : found);
  }
  configured?.end();
  return sources;
}

function toSource(value: unknown, place: string, source: NameSource): Source {
  const from = new FieldReader(value, place);
  const read = {
    domain: from.get("domain", toName) ?? toName(source.domain, source.dialect),
    account: from.get("account", toAccount) ?? "default",
    options: from.get("options", toOptions) ?? {},
  };
  from.end();
  return read;
}

function toOptions(value: unknown, place: string): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Wrong(`${place} must be a map`);
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) => {
      if (!["string", "number", "boolean"].includes(typeof text)) throw new Wrong(`${place}.${key} must be a text`);
      return [key, String(text)];
    }),
  );
}
