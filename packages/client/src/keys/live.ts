import type { WatchItem, WatchOptions } from "../follow/watch.ts";
import type { KeyBody } from "../shapes.ts";

export interface FollowOptions<T> {
  /**
   * The value from its text; throws when it is none. By the kind of the default when left out: text as it is, a number,
   * `true` or `false`, else JSON.
   */
  readonly parse?: (text: string) => T;
  /** Told of each new value, also of the first that is not the default. */
  readonly onChange?: (value: T) => void;
  /** Told of what is no value: the one before it stays. */
  readonly onInvalid?: (error: unknown, text: string) => void;
}

/** A configuration key as a value that follows it. */
export interface LiveValue<T> {
  readonly key: string;
  /** The default while the key is not there, and until the registry has answered. */
  readonly value: T;
  /** The key's `modRevision`; 0 while it is not there. */
  readonly revision: number;
  /** The registry is out of reach: the last known value stays. */
  readonly stale: boolean;
  /** Resolves with the registry's first answer, rejects with its refusal. */
  readonly ready: Promise<void>;
  close(): void;
}

/** What a live value asks of the registry. */
export interface KeySource {
  get(key: string): Promise<KeyBody | null>;
  watch(options: Pick<WatchOptions, "key" | "signal" | "onDown">): AsyncGenerator<WatchItem, void>;
}

export function follow<T>(source: KeySource, key: string, fallback: T, options: FollowOptions<T> = {}): LiveValue<T> {
  const parse = options.parse ?? parserOf(fallback);
  const stop = new AbortController();
  let value = fallback;
  let stale = true;
  let revision = 0;
  /** The latest revision whose word on the key was taken. */
  let seen = 0;

  function take(found: KeyBody | null, at: number): void {
    if (at < seen || stop.signal.aborted) return;
    seen = at;
    if (found !== null && found.modRevision === revision) return;
    const text = found?.value ?? "";
    try {
      if (found !== null && found.value === null) throw new TypeError(`the value of key "${key}" is no text`);
      const next = found === null ? fallback : parse(text);
      revision = found?.modRevision ?? 0;
      if (Object.is(next, value)) return;
      value = next;
    } catch (error) {
      revision = found?.modRevision ?? 0;
      options.onInvalid?.(error, text);
      return;
    }
    options.onChange?.(value);
  }

  async function run(settle: () => void): Promise<void> {
    const onDown = () => {
      stale = true;
    };
    for await (const item of source.watch({ key, signal: stop.signal, onDown })) {
      if (item.kind === "commit") {
        for (const change of item.commit.changes) if (change.kind === "key") take(change.after, item.commit.revision);
        continue;
      }
      // What the watch began after is read once; of a registry that was set back, too.
      if (item.kind === "resync") seen = 0;
      take(await source.get(key), item.revision);
      stale = false;
      settle();
    }
  }

  const ready = new Promise<void>((resolve, reject) => {
    run(resolve).catch((error: unknown) => {
      stale = true;
      reject(error);
    });
  });
  ready.catch(() => {});
  return {
    key,
    get value() {
      return value;
    },
    get revision() {
      return revision;
    },
    get stale() {
      return stale;
    },
    ready,
    close: () => stop.abort(),
  };
}

function parserOf<T>(fallback: T): (text: string) => T {
  if (typeof fallback === "string") return (text) => text as T;
  if (typeof fallback === "number") return (text) => parseNumber(text) as T;
  if (typeof fallback === "boolean") return (text) => parseBoolean(text) as T;
  return (text) => JSON.parse(text) as T;
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === "" || Number.isNaN(number)) throw new TypeError(`"${text}" is no number`);
  return number;
}

function parseBoolean(text: string): boolean {
  const word = text.trim();
  if (word !== "true" && word !== "false") throw new TypeError(`"${text}" is neither true nor false`);
  return word === "true";
}
