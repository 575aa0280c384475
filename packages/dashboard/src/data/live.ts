/** What the stream tells this tab: commits as they come, and how the connection stands. */

import { effect, signal } from "@preact/signals";
import type { CommitBody } from "@rollcall/client";
import { Hub, type Joined, type News } from "./hub.ts";
import { account, isAsked, token } from "./session.ts";
import type { Said } from "./worker.ts";

declare const STREAM_URL: string;

export type Link =
  | { readonly state: "connecting" | "live" }
  /** Data stays; from `offline` on it is grey. */
  | { readonly state: "reconnecting" | "offline"; readonly sinceMs: number; readonly nextMs: number }
  | { readonly state: "refused"; readonly detail: string };

export const link = signal<Link>({ state: "connecting" });
/** The latest revision that this tab has heard of. */
export const revision = signal(0);
/** When the latest change came, by the registry's clock. */
export const changedAt = signal<string | null>(null);
/** What the registry's clock is ahead of this one, in ms. */
export const aheadMs = signal(0);
/** Moves on every second: what shows ages reads it. */
export const tick = signal(0);

export function registryNow(): number {
  return Date.now() + aheadMs.value;
}

interface Listener {
  commits(commits: readonly CommitBody[]): void;
  /** What was read before this revision lacks changes: read again. */
  resync(revision: number): void;
}

const listeners = new Set<Listener>();

/** The latest commits: what came while an answer was on its way is folded into it. */
let recent: CommitBody[] = [];
const RECENT_MAX = 2000;

export function recentCommits(): readonly CommitBody[] {
  return recent;
}

/** Returns its cancel. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const RECONNECTING_MS = 2000;
const OFFLINE_MS = 5000;
const HERE_MS = 30_000;
/** Without a SharedWorker a hidden tab lets its stream go after so long: a browser has six connections for all. */
const HIDDEN_MS = 60_000;

let down: { sinceMs: number; nextMs: number } | undefined;

function take(news: News): void {
  if (news.kind === "commits") {
    const last = news.commits.at(-1);
    if (last === undefined) return;
    revision.value = Math.max(revision.value, last.revision);
    changedAt.value = last.at;
    recent = [...recent, ...news.commits].slice(-RECENT_MAX);
    noteTime(Date.parse(last.at), Date.now());
    for (const listener of [...listeners]) listener.commits(news.commits);
  } else if (news.kind === "ready") {
    down = undefined;
    link.value = { state: "live" };
    revision.value = Math.max(revision.value, news.revision);
    for (const listener of [...listeners]) listener.resync(news.began);
  } else if (news.kind === "resync") for (const listener of [...listeners]) listener.resync(news.revision);
  else if (news.kind === "down") {
    down = news;
    judge();
  } else {
    link.value = { state: "refused", detail: news.detail };
    if (news.status === 401) isAsked.value = true;
  }
}

/** A commit is at most so old when it is heard of; only a clock that is ahead shows itself by it. */
export function noteTime(registryMs: number, ownMs: number, isExact = false): void {
  const ahead = registryMs - ownMs;
  if (isExact || ahead > aheadMs.value) aheadMs.value = ahead;
}

function judge(): void {
  if (down === undefined) return;
  const forMs = Date.now() - down.sinceMs;
  if (forMs >= RECONNECTING_MS || link.value.state === "connecting")
    link.value = { state: forMs >= OFFLINE_MS ? "offline" : "reconnecting", ...down };
}

let say: (said: Said) => void = () => {};

export function retry(): void {
  say({ kind: "retry" });
}

export function startLive(): void {
  setInterval(() => {
    tick.value++;
    judge();
  }, 1000);
  setInterval(() => say({ kind: "here" }), HERE_MS);
  const shared = connectShared();
  effect(() => {
    const joined = { url: location.origin, account: account.value, token: token.value };
    down = undefined;
    link.value = { state: "connecting" };
    revision.value = 0;
    recent = [];
    if (shared === undefined) connectAlone(joined);
    else {
      say = (said) => shared.postMessage(said);
      say({ kind: "join", ...joined });
    }
  });
  addEventListener("pagehide", () => say({ kind: "bye" }));
  // Taken out of the browser's cache of pages: what was missed is read again.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

function connectShared(): MessagePort | undefined {
  if (typeof SharedWorker === "undefined") return undefined;
  try {
    const { port } = new SharedWorker(trusted(STREAM_URL), { type: "module", name: "rollcall" });
    port.onmessage = ({ data }) => take(data as News);
    return port;
  } catch {
    return undefined;
  }
}

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

/** The one script that is loaded by name: the page's policy wants it to say so. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  return trustedTypes?.createPolicy("rollcall", { createScriptURL: (text) => text }).createScriptURL(url) ?? url;
}

let alone: Hub | undefined;
let wanted: Joined | undefined;
let hiding: ReturnType<typeof setTimeout> | undefined;

function connectAlone(joined: Joined): void {
  const isFirst = wanted === undefined;
  wanted = joined;
  open();
  if (!isFirst) return;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else if (alone === undefined) open();
  });
}

function open(): void {
  close();
  if (wanted === undefined) return;
  const hub = new Hub(wanted, take);
  alone = hub;
  say = ({ kind }) => {
    if (kind === "retry") hub.retry();
  };
}

function close(): void {
  alone?.close();
  alone = undefined;
}
