/** What pages read, and when they read it again. */
import type { Client, CommitBody, InstanceBody } from "@rollcall/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { listen, recentCommits } from "./live.ts";
import { api, noteError } from "./session.ts";

export interface Read<T> {
  readonly data: T | undefined;
  readonly error: unknown;
  /** Reads again now. */
  readonly again: () => void;
}

export interface ReadOptions {
  /** Whether a commit makes it old. */
  readonly touches?: (commit: CommitBody) => boolean;
  readonly everyMs?: number;
  /** The least time between a commit and the answer that it makes old; 400 ms when left out. */
  readonly pauseMs?: number;
}

const PAUSE_MS = 400;
/** An answer that takes long is asked for less often: it costs the registry and this browser at most a fifth of the time. */
const REST = 4;

/** `key` names what is read: another key forgets the former answer. A null key reads nothing. */
export function useRead<T>(
  key: string | null,
  read: (client: Client) => Promise<T>,
  options: ReadOptions = {},
): Read<T> {
  const [state, setState] = useState<{ key: string | null; data: T | undefined; error: unknown }>({
    key: null,
    data: undefined,
    error: undefined,
  });
  const latest = useRef({ read, options });
  latest.current = { read, options };
  const go = useRef(() => {});
  const client = api.value;
  useEffect(() => {
    if (key === null) return undefined;
    const turn = startTurn(
      () => latest.current.read(client),
      (data) => setState({ key, data, error: undefined }),
      (error) => {
        noteError(error);
        setState((former) => ({ key, data: former.key === key ? former.data : undefined, error }));
      },
      latest.current.options.pauseMs ?? PAUSE_MS,
    );
    go.current = turn.now;
    turn.now();
    const forget = listen({
      commits: (commits) => {
        const { touches } = latest.current.options;
        if (touches !== undefined && commits.some(touches)) turn.soon();
      },
      resync: turn.soon,
    });
    const { everyMs } = latest.current.options;
    const timer = everyMs === undefined ? undefined : setInterval(() => !document.hidden && turn.soon(), everyMs);
    return () => {
      turn.stop();
      forget();
      clearInterval(timer);
    };
  }, [key, client]);
  const isOwn = state.key === key;
  return { data: isOwn ? state.data : undefined, error: isOwn ? state.error : undefined, again: () => go.current() };
}

/** One at a time; what is asked for meanwhile is asked for once more. */
function startTurn<T>(
  read: () => Promise<T>,
  done: (data: T) => void,
  failed: (error: unknown) => void,
  pauseMs: number,
) {
  let tookMs = 0;
  let isStopped = false;
  let isRunning = false;
  let isWanted = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (isRunning) {
      isWanted = true;
      return;
    }
    isRunning = true;
    const startMs = performance.now();
    void read()
      .then(
        (data) => isStopped || done(data),
        (error: unknown) => isStopped || failed(error),
      )
      .finally(() => {
        isRunning = false;
        tookMs = performance.now() - startMs;
        if (isWanted && !isStopped) soon();
        isWanted = false;
      });
  };
  const soon = (): void => {
    if (!isStopped) timer ??= setTimeout(now, Math.max(pauseMs, REST * tookMs));
  };
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { now, soon, stop };
}

export interface Instances {
  readonly revision: number;
  readonly byId: ReadonlyMap<string, InstanceBody>;
}

/** A service's instances: read once, and moved on by the commits. */
export function useInstances(service: string): Read<Instances> {
  const read = useRead<Instances>(`service ${service}`, async (client) => {
    const { revision, instances } = await client.service(service);
    return { revision, byId: new Map(instances.map((one) => [one.id, one])) };
  });
  const [moved, setMoved] = useState<Instances | undefined>(undefined);
  const base = read.data;
  useEffect(() => {
    if (base === undefined) return undefined;
    let now = foldInstances(base, service, recentCommits());
    setMoved(now);
    return listen({
      commits: (commits) => {
        const next = foldInstances(now, service, commits);
        if (next === now) return;
        now = next;
        setMoved(now);
      },
      resync: () => {},
    });
  }, [base, service]);
  const newer = moved !== undefined && base !== undefined && moved.revision >= base.revision ? moved : base;
  return { ...read, data: base === undefined ? undefined : newer };
}

/** The first ones of the account's instances, by service and id: read once, and moved on by the commits. */
export function useAllInstances(account: string, limit: number): Read<Everything> {
  const read = useRead<Everything>(`instances ${account}`, async (client) => {
    const { revision, instances, next } = await client.instances({ limit });
    const byKey = new Map(instances.map((one) => [instanceKey(one.service, one.id), one]));
    return { revision, byKey, isPart: next !== null };
  });
  const [moved, setMoved] = useState<{ base: Everything; now: Everything } | undefined>(undefined);
  const base = read.data;
  useEffect(() => {
    if (base === undefined) return undefined;
    let now = base;
    const take = (commits: readonly CommitBody[]): void => {
      const next = foldEverything(now, base.revision, commits);
      if (next === now) return;
      now = next;
      setMoved({ base, now });
    };
    take(recentCommits());
    return listen({ commits: take, resync: () => {} });
  }, [base]);
  return { ...read, data: moved !== undefined && moved.base === base ? moved.now : base };
}

export interface Everything {
  readonly revision: number;
  readonly byKey: ReadonlyMap<string, InstanceBody>;
  readonly isPart: boolean;
}

export function instanceKey(service: string, id: string): string {
  return `${service}\0${id}`;
}

function foldEverything(former: Everything, since: number, commits: readonly CommitBody[]): Everything {
  let byKey: Map<string, InstanceBody> | undefined;
  for (const { revision, changes } of commits) {
    if (revision <= since) continue;
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      byKey ??= new Map(former.byKey);
      const key = instanceKey(change.service, change.id);
      if (change.after === null) byKey.delete(key);
      else byKey.set(key, change.after);
    }
  }
  return byKey === undefined ? former : { ...former, byKey };
}

function foldInstances(former: Instances, service: string, commits: readonly CommitBody[]): Instances {
  let byId: Map<string, InstanceBody> | undefined;
  let { revision } = former;
  for (const commit of commits) {
    if (commit.revision <= former.revision) continue;
    for (const change of commit.changes) {
      if (change.kind !== "instance" || change.service !== service) continue;
      byId ??= new Map(former.byId);
      if (change.after === null) byId.delete(change.id);
      else byId.set(change.id, change.after);
      revision = commit.revision;
    }
  }
  return byId === undefined ? former : { revision, byId };
}

/** Whether a commit changes this service, or this instance of it. */
export function touchesService(service: string, id?: string): (commit: CommitBody) => boolean {
  return ({ changes }) =>
    changes.some((one) => one.kind === "instance" && one.service === service && (id === undefined || one.id === id));
}
