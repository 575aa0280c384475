/** The services of the account: read once in pages, moved on by every commit, painted at most four times a second. */

import { effect, signal, untracked } from "@preact/signals";
import type { Client } from "@rollcall/client";
import { foldCommit, type Summary, toSummary } from "../model/summary.ts";
import { changedAt, listen, noteTime, recentCommits } from "./live.ts";
import { api, noteError } from "./session.ts";

export interface Catalog {
  readonly revision: number;
  readonly services: readonly Summary[];
}

/** Undefined before the first answer. */
export const catalog = signal<Catalog | undefined>(undefined);
export const catalogError = signal<unknown>(undefined);
/** Services that changed just now: their rows are tinted for a moment. */
export const touched = signal<ReadonlySet<string>>(new Set());

const PAGE = 5000;

let services = new Map<string, Summary>();
let revisionRead = 0;
let reading: Client | undefined;

async function readAll(client: Client): Promise<void> {
  if (reading === client) return;
  reading = client;
  try {
    const fresh = new Map<string, Summary>();
    let revision = 0;
    for (let from: string | undefined = ""; from !== undefined; ) {
      const page = await client.services({ limit: PAGE, ...(from === "" ? {} : { from }) });
      revision = revision === 0 ? page.revision : Math.min(revision, page.revision);
      for (const body of page.services) fresh.set(body.service, toSummary(body));
      from = page.next ?? undefined;
    }
    if (client !== api.value) return;
    for (const former of services.values())
      if (former.lost !== null && !fresh.has(former.service)) fresh.set(former.service, former);
    services = fresh;
    revisionRead = revision;
    for (const commit of recentCommits()) if (commit.revision > revision) foldCommit(services, commit);
    catalogError.value = undefined;
    show();
  } catch (error) {
    noteError(error);
    if (client === api.value) catalogError.value = error;
  } finally {
    if (reading === client) reading = undefined;
  }
}

function show(): void {
  catalog.value = { revision: revisionRead, services: [...services.values()] };
}

export function readCatalog(): void {
  void readAll(api.value);
}

export function startCatalog(): void {
  effect(() => {
    const client = api.value;
    untracked(() => {
      services = new Map();
      revisionRead = 0;
      catalog.value = undefined;
      catalogError.value = undefined;
      changedAt.value = null;
    });
    void readAll(client);
    void askTime(client);
  });
  listen({
    commits(commits) {
      if (catalog.value === undefined) return;
      const changed = new Set<string>();
      for (const commit of commits) {
        if (commit.revision <= revisionRead) continue;
        for (const service of foldCommit(services, commit)) changed.add(service);
      }
      if (changed.size === 0) return;
      touched.value = changed;
      show();
    },
    resync(began) {
      if (began > revisionRead) readCatalog();
    },
  });
}

/** The registry's clock, where its status tells it. */
async function askTime(client: Client): Promise<void> {
  try {
    const beforeMs = Date.now();
    const { now } = await client.status();
    noteTime(Date.parse(now), (beforeMs + Date.now()) / 2, true);
  } catch (error) {
    noteError(error);
  }
}
