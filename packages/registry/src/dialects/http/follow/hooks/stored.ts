/**
 * Hooks as reserved keys of the store: one says what is told to whom, another how far that has come. They are told apart so that
 * a hook is the same while it is delivered.
 */
import {
  type Account,
  type AccountView,
  type Bytes,
  type Command,
  type Facts,
  fromBytes,
  type KeyRecord,
  ok,
  type Plan,
  prefixEnd,
  type Refused,
  refuse,
  toBytes,
} from "../../../../core/index.ts";

/** Behind it the hook's name, which has no slash. */
const HOOKS: Bytes = "\0hooks/hook/";
const AT: Bytes = "\0hooks/at/";
/** Of all of both. */
export const PREFIX: Bytes = "\0hooks/";

/** Of one account. */
const HOOKS_MAX = 16;
export const NAME_LENGTH_MAX = 64;

export interface Hook {
  readonly url: string;
  /** Empty: all. As the events feed takes them. */
  readonly types: readonly string[];
  readonly services: readonly string[];
  /** See `sign.ts`. */
  readonly secret: string;
}

export interface StoredHook extends Hook {
  readonly account: Account;
  readonly name: string;
  readonly createdAtMs: number;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface Failing {
  readonly sinceMs: number;
  readonly reason: string;
}

/** How far a hook has come. */
interface Progress {
  /** An event's id, or a position: what comes after it is still to be told. */
  readonly cursor: string;
  /** Wall-clock ms: where the cursor says nothing, as the order is another, one begins by this. */
  readonly atMs: number;
  readonly failing: Failing | null;
}

interface StoredProgress extends Progress {
  /** The key's. */
  readonly modRevision: number;
}

function keyOf(name: string): Bytes {
  return HOOKS + toBytes(name);
}

function progressKeyOf(name: string): Bytes {
  return AT + toBytes(name);
}

export function isHookKey(key: Bytes): boolean {
  return key.startsWith(HOOKS);
}

export function nameIn(key: Bytes): string {
  return fromBytes(key.slice(HOOKS.length));
}

/** Undefined for a key that was not written here. */
export function readHook(account: Account, record: KeyRecord): StoredHook | undefined {
  const hook = readObject<Hook>(record);
  if (hook === undefined || typeof hook.url !== "string" || typeof hook.secret !== "string") return undefined;
  if (!Array.isArray(hook.types) || !Array.isArray(hook.services)) return undefined;
  const { url, types, services, secret } = hook as Hook;
  const { createdAtMs, createRevision, modRevision } = record;
  const name = nameIn(record.key);
  return { account, name, url, types, services, secret, createdAtMs, createRevision, modRevision };
}

function readObject<T>({ value }: KeyRecord): Partial<T> | undefined {
  try {
    const read: unknown = JSON.parse(fromBytes(value));
    return typeof read === "object" && read !== null ? (read as Partial<T>) : undefined;
  } catch {
    return undefined;
  }
}

export function hookOf(facts: Pick<Facts, "entry">, account: Account, name: string): StoredHook | undefined {
  const record = facts.entry(account, keyOf(name));
  return record && readHook(account, record);
}

export function* hooksOf(account: AccountView | undefined): Iterable<StoredHook> {
  if (account === undefined) return;
  for (const record of account.entries(HOOKS, prefixEnd(HOOKS))) {
    const hook = readHook(account.name, record);
    if (hook !== undefined) yield hook;
  }
}

/** Undefined before the first event was told. */
export function progressOf(facts: Pick<Facts, "entry">, account: Account, name: string): StoredProgress | undefined {
  const record = facts.entry(account, progressKeyOf(name));
  const { cursor, atMs, failing = null } = (record && readObject<Progress>(record)) ?? {};
  if (record === undefined || typeof cursor !== "string" || typeof atMs !== "number") return undefined;
  return { cursor, atMs, failing, modRevision: record.modRevision };
}

interface Wish {
  readonly name: string;
  readonly hook: Omit<Hook, "secret">;
  /** What the client gave; null leaves that of a hook which is there. */
  readonly secret: string | null;
  /** For one that is new and was given none. */
  readonly made: string;
}

/** What became of a wish: `made` is told this once. */
interface Wished {
  readonly created: boolean;
  readonly made: string | null;
}

/** Sets a hook. One that is there goes on where it is. */
export const PUT_HOOK: Plan<Wish, Wished> = {
  name: "http/hook",
  make(facts, account, { name, hook, secret, made }) {
    const before = hookOf(facts, account, name);
    if (before === undefined) {
      let count = 0;
      for (const _ of facts.entries(account, HOOKS, prefixEnd(HOOKS))) count++;
      if (count >= HOOKS_MAX) return refuse("limit", `the account has ${HOOKS_MAX} hooks, and may have no more`);
    }
    const stored: Hook = { ...hook, secret: secret ?? before?.secret ?? made };
    const command: Command = { kind: "put", key: keyOf(name), value: toBytes(JSON.stringify(stored)) };
    const isMade = secret === null && before === undefined;
    return ok({ command, note: { created: before === undefined, made: isMade ? made : null } });
  },
};

export function removal(name: string): Command {
  const then: Command[] = [
    { kind: "delete", from: keyOf(name) },
    { kind: "delete", from: progressKeyOf(name) },
  ];
  const guards = [{ on: "create", key: keyOf(name), is: ">", than: 0 }] as const;
  return { kind: "when", guards, then, otherwise: [refuseMissing(name)].map(toRefusal) };
}

function toRefusal({ refusal, detail }: Refused): Command {
  return { kind: "refuse", refusal, detail };
}

export function refuseMissing(name: string): Refused {
  return refuse("not-found", `there is no hook ${name}`);
}

/** Notes how far the hook has come, unless it is another one meanwhile, or somebody else noted it. */
export function noting({ name, createRevision }: StoredHook, progress: Progress, modRevision: number): Command {
  const key = progressKeyOf(name);
  return {
    kind: "when",
    guards: [
      { on: "create", key: keyOf(name), is: "=", than: createRevision },
      { on: "mod", key, is: "=", than: modRevision },
    ],
    then: [{ kind: "put", key, value: toBytes(JSON.stringify(progress)) }],
    otherwise: [],
  };
}
