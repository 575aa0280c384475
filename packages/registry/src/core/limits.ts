/** Legal names, and limits that no configuration can exceed. */
import { type Outcome, ok, type Refused, refuse } from "../outcome.ts";
import { type Account, type Check, type CheckKind, type Instance, mainPort, type Probe } from "./types.ts";

export const LIMITS = {
  nameLengthMax: 255,
  idLengthMax: 512,
  addressLengthMax: 255,
  tagsMax: 64,
  tagLengthMax: 255,
  metaEntriesMax: 128,
  metaKeyLengthMax: 255,
  metaValueLengthMax: 8192,
  metaBytesMax: 64 * 1024,
  portsMax: 32,
  checksMax: 32,
  checkOutputLengthMax: 4096,
  keyBytesMax: 4096,
  /** With all that stands beside it in its row it fits into a request of etcd, 1.5 MiB, which may be what it is stored in. */
  valueBytesMax: 1520 * 1024,
  /** Of a number in a key's name: those of a number of 64 bits. */
  digitsMax: 20,
  transactionCommandsMax: 1024,
  /** Changes in one commit. */
  changesMax: 200_000,
  /** Of the keys that one commit writes and deletes, as they were and as they are, with their values. */
  commitBytesMax: 32 * 1024 * 1024,
  /** Of what one lease keeps alive, by `sizeOf`: all of it ends in one commit. */
  leaseBytesMax: 32 * 1024 * 1024,
  /** Of all records that one transaction changes, as they were and as they are, by `sizeOf`. */
  transactionBytesMax: 64 * 1024 * 1024,
  /** Of what all ranges of one transaction answer, by `sizeOf`. */
  rangeBytesMax: 4 * 1024 * 1024,
  /** Keys that all ranges of one transaction look at. */
  rangeKeysMax: 200_000,
  /** Of commits that are read at once, by `sizeOf`; the last one may pass it. */
  historyBytesMax: 1024 * 1024,
  ttlMsMin: 1000,
  /** The nine billion seconds of etcd. A lease without time has Infinity. */
  ttlMsMax: 9e12,
} as const;

const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Service names and instance ids: printable, no slash, no blanks at the ends, no control characters. */
const NAME = /^[^\s/\p{C}](?:[^/\p{C}]*[^\s/\p{C}])?$/u;

export function isLegalAccount(name: Account): boolean {
  return ACCOUNT.test(name);
}

export function isLegalName(name: string, lengthMax: number = LIMITS.nameLengthMax): boolean {
  return name.length > 0 && name.length <= lengthMax && NAME.test(name);
}

/** The first thing wrong with an instance, in words; undefined when all is well. */
export function refuseInstance(instance: Instance): Refused | undefined {
  if (!isLegalName(instance.service))
    return refuse("invalid", `service name must be 1 to ${LIMITS.nameLengthMax} printable characters without "/"`);
  if (!isLegalName(instance.id, LIMITS.idLengthMax))
    return refuse("invalid", `instance id must be 1 to ${LIMITS.idLengthMax} printable characters without "/"`);
  if (instance.address.length > LIMITS.addressLengthMax)
    return refuse("too-large", `address is longer than ${LIMITS.addressLengthMax} characters`);
  if (instance.tags.length > LIMITS.tagsMax) return refuse("too-large", `more than ${LIMITS.tagsMax} tags`);
  for (const tag of instance.tags)
    if (tag.length > LIMITS.tagLengthMax)
      return refuse("too-large", `a tag is longer than ${LIMITS.tagLengthMax} characters`);
  if (instance.checks.length > LIMITS.checksMax) return refuse("too-large", `more than ${LIMITS.checksMax} checks`);
  for (const check of instance.checks) {
    const wrong = refuseCheck(check);
    if (wrong !== undefined) return wrong;
  }
  if (!(instance.weight >= 0 && instance.weight <= 65535)) return refuse("invalid", "weight must be from 0 to 65535");
  return refusePorts(instance) ?? refuseMeta(instance.meta);
}

function refusePorts(instance: Instance): Refused | undefined {
  let count = 0;
  for (const name in instance.ports) {
    const port = instance.ports[name] as number;
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      return refuse("invalid", `port ${name} must be an integer from 0 to 65535`);
    if (++count > LIMITS.portsMax) return refuse("too-large", `more than ${LIMITS.portsMax} ports`);
  }
  return undefined;
}

export function refuseMeta(meta: Readonly<Record<string, string>>): Refused | undefined {
  let count = 0;
  let size = 0;
  for (const key in meta) {
    const value = meta[key] as string;
    if (key.length > LIMITS.metaKeyLengthMax)
      return refuse("too-large", `a meta key is longer than ${LIMITS.metaKeyLengthMax} characters`);
    if (value.length > LIMITS.metaValueLengthMax)
      return refuse("too-large", `meta ${key} is longer than ${LIMITS.metaValueLengthMax} characters`);
    size += key.length + value.length;
    if (++count > LIMITS.metaEntriesMax) return refuse("too-large", `more than ${LIMITS.metaEntriesMax} meta entries`);
  }
  return size > LIMITS.metaBytesMax
    ? refuse("too-large", `meta holds more than ${LIMITS.metaBytesMax} characters`)
    : undefined;
}

/** Of checks that the registry runs itself. */
export const PROBES = {
  intervalMsMin: 1000,
  intervalMsMax: 24 * 3_600_000,
  /** Between two reports of a ttl. */
  ttlMsMax: 7 * 24 * 3_600_000,
  timeoutMsMin: 10,
  timeoutMsMax: 60_000,
  targetLengthMax: 2048,
  /** Values of headers, all together. */
  headersMax: 32,
  /** Names and values of all headers. */
  headersLengthMax: 4096,
  bodyLengthMax: 4096,
  /** Results in a row. */
  rowMax: 100,
} as const;

const RUN: ReadonlySet<CheckKind> = new Set<CheckKind>(["http", "tcp", "grpc", "udp", "http2"]);

/** Whether the registry runs it. The time of a `ttl` is kept, and nothing is run. */
export function isRun({ kind }: Check): boolean {
  return RUN.has(kind);
}

/**
 * Where a check goes. Its target says that, by its kind: `http` a URL, or what is left of one when it goes to the instance
 * itself: `/health`, `:8081/health`; `tcp`, `udp` and `http2` `host:port`, `:port`, or nothing; `grpc` the same with `/service` behind it.
 */
export interface Aim {
  readonly secure: boolean;
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Of http path and query, of grpc the service; else empty. */
  readonly path: string;
}

interface Target {
  readonly secure: boolean;
  /** Empty for the instance's own. */
  readonly host: string;
  /** 0 for the instance's own. */
  readonly port: number;
  readonly path: string;
}

/** Undefined when the instance says too little of where it is. */
export function aimOf(check: Check, { address, ports }: Pick<Instance, "address" | "ports">): Aim | undefined {
  const target = readTarget(check);
  if (!target.ok) return undefined;
  const { secure, path } = target.value;
  const host = target.value.host || address;
  const port = target.value.port || (mainPort(ports) ?? 0);
  if (host === "" || port === 0) return undefined;
  return { secure: secure || check.probe?.tls === true, host, port, path };
}

const OWN = /^(?::([0-9]{1,5}))?([/?][^#\s]*)?$/;
const PLACE = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]@%]{1,253}))?(?::([0-9]{1,5}))?(?:\/(.*))?$/;

function readTarget({ kind, target }: Pick<Check, "kind" | "target">): Outcome<Target> {
  if (kind === "http") return readUrl(target);
  const [, bracketed, plain, port = "", service = ""] = PLACE.exec(target) ?? [];
  const host = bracketed ?? plain ?? "";
  const isWhole = host === "" || port !== "";
  if (!PLACE.test(target) || !isWhole || !isPortText(port) || (kind !== "grpc" && target.includes("/")))
    return refuse(
      "invalid",
      `must be ${kind === "grpc" ? "host:port/service or :port/service" : "host:port or :port"}`,
    );
  return ok({ secure: false, host, port: Number(port), path: service });
}

function readUrl(target: string): Outcome<Target> {
  const own = OWN.exec(target);
  if (own !== null && isPortText(own[1] ?? ""))
    return ok({ secure: false, host: "", port: Number(own[1] ?? 0), path: own[2] ?? "/" });
  const wrong = refuse(
    "invalid",
    "must be a URL such as http://10.0.0.1:8080/health, or /health for the instance's own",
  );
  if (!/^https?:\/\//i.test(target) || !URL.canParse(target)) return wrong;
  const { protocol, hostname, port, pathname, search, username, password } = new URL(target);
  if (username !== "" || password !== "")
    return refuse("invalid", "must hold no user and password: they go into a header");
  const secure = protocol === "https:";
  const host = hostname.replace(/^\[|\]$/g, "");
  return ok({ secure, host, port: Number(port) || (secure ? 443 : 80), path: pathname + search });
}

/** Empty for none. */
function isPortText(text: string): boolean {
  return text === "" || (Number(text) > 0 && Number(text) <= 65_535);
}

/** The first thing wrong with a check, in words; undefined when all is well. */
export function refuseCheck(check: Check): Refused | undefined {
  const { id, target, intervalMs, timeoutMs, probe } = check;
  const about = `check ${id.slice(0, 100)}`;
  if (target.length > PROBES.targetLengthMax)
    return refuse("too-large", `${about}: its target is longer than ${PROBES.targetLengthMax} characters`);
  // 0 where a dialect keeps the time.
  const isTtl = check.kind === "ttl" && intervalMs !== 0;
  if (isTtl && !(intervalMs >= LIMITS.ttlMsMin && intervalMs <= PROBES.ttlMsMax))
    return refuse("invalid", `${about}: its interval must be from 1s to 168h`);
  if (!isRun(check)) return undefined;
  const read = readTarget(check);
  if (!read.ok) return refuse("invalid", `${about}: its target ${read.detail}`);
  if (!(intervalMs >= PROBES.intervalMsMin && intervalMs <= PROBES.intervalMsMax))
    return refuse("invalid", `${about}: its interval must be from 1s to 24h`);
  if (!(timeoutMs >= PROBES.timeoutMsMin && timeoutMs <= PROBES.timeoutMsMax))
    return refuse("invalid", `${about}: its timeout must be from 10ms to 60s`);
  const wrong = probe === undefined ? undefined : refuseProbe(probe);
  return wrong && refuse(wrong.refusal, `${about}: ${wrong.detail}`);
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** Of a header: no control characters, so that none ends it. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const HOST_NAME = /^[A-Za-z0-9._-]{1,253}$/;
/** Those that say how long a request is, and for whom, are the registry's to write. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function refuseProbe(probe: Probe): Refused | undefined {
  const { method, body = "", expect, serverName, rise = 1, fall = 1, warnAfter = fall } = probe;
  if (method !== undefined && (!TOKEN.test(method) || method === "CONNECT"))
    return refuse("invalid", "its method must be a word such as GET");
  if (body.length > PROBES.bodyLengthMax)
    return refuse("too-large", `its body is longer than ${PROBES.bodyLengthMax} characters`);
  if (expect !== undefined && readExpected(expect) === undefined)
    return refuse("invalid", 'it must expect statuses such as "200-299,304"');
  if (serverName !== undefined && !HOST_NAME.test(serverName))
    return refuse("invalid", "its server's name must be the name of a host");
  for (const count of [rise, fall, warnAfter])
    if (!(Number.isInteger(count) && count >= 1 && count <= PROBES.rowMax))
      return refuse("invalid", `it can take from 1 to ${PROBES.rowMax} results in a row`);
  if (warnAfter > fall) return refuse("invalid", "it cannot warn after more bad results than make it critical");
  return refuseHeaders(probe.headers ?? {});
}

function refuseHeaders(headers: NonNullable<Probe["headers"]>): Refused | undefined {
  let count = 0;
  let length = 0;
  for (const name in headers) {
    if (!TOKEN.test(name) || OWN_HEADERS.has(name.toLowerCase()))
      return refuse("invalid", `it cannot send a header ${JSON.stringify(name.slice(0, 64))}`);
    for (const value of headers[name] as readonly string[]) {
      if (!VALUE.test(value)) return refuse("invalid", `its header ${name} has characters that no header may have`);
      count++;
      length += name.length + value.length;
    }
  }
  if (count > PROBES.headersMax) return refuse("too-large", `it has more than ${PROBES.headersMax} headers`);
  return length <= PROBES.headersLengthMax
    ? undefined
    : refuse("too-large", `its headers hold more than ${PROBES.headersLengthMax} characters`);
}

type Range = readonly [from: number, to: number];
const USUAL: readonly Range[] = [[200, 299]];
const RANGES_MAX = 16;

/** The statuses that pass. Undefined when that is no list of them. */
export function readExpected(expect: string | undefined): readonly Range[] | undefined {
  if (expect === undefined) return USUAL;
  const ranges = expect.split(",").map((part): Range | undefined => {
    const [, from = "", to = from] = /^ *([1-5][0-9]{2})(?:-([1-5][0-9]{2}))? *$/.exec(part) ?? [];
    return from === "" || Number(from) > Number(to) ? undefined : [Number(from), Number(to)];
  });
  return ranges.length <= RANGES_MAX && ranges.every((range) => range !== undefined) ? ranges : undefined;
}
