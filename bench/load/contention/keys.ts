/** Many that create keys under one parent, named by its count of creates. No protocol of today has them: in this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Core, type Guard, openCore, succeeded } from "../../../packages/registry/src/core/index.ts";
import { createEmbedded } from "../../../packages/registry/src/replicators/embedded/replicator.ts";
import type { ContentionJob } from "../job.ts";
import type { Client } from "./targets.ts";

const ACCOUNT = "default";
const COUNTER = "\0bench/parent";
const KEY = "parent/member-";
const DIGITS = 10;

export interface Parent {
  open(number: number): Promise<Client>;
  countProposals(): number;
  close(): Promise<void>;
}

/** `outside`: the name is made from what was read, and made again when somebody was faster. */
export async function openParent({ target, dir }: ContentionJob): Promise<Parent> {
  const dataDir = mkdtempSync(join(dir, "keys-"));
  const clock = { now: Date.now, monotonic: () => performance.now() };
  const limits = { instancesMax: 0, servicesMax: 0, keysMax: 1e9, leasesMax: 0, requestsPerSecondMax: 0, bytesMax: 0 };
  const core = await openCore({
    clock,
    replicator: createEmbedded({ dataDir, clock, origin: "bench", rules: { limits: () => limits } }),
    policy: { windowMs: 15_000, holdMs: 600_000, suspects: () => false, holds: () => false },
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => {
      throw error;
    },
  });
  const create = target === "keys" ? createNumbered : createOutside;
  return {
    open: async () => ({ change: () => create(core), close: () => {} }),
    countProposals: () => core.numbers().proposals,
    async close() {
      await core.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function createNumbered({ registry }: Core): Promise<boolean> {
  const numbered = { counter: COUNTER, digits: DIGITS };
  return (await registry.propose(ACCOUNT, { kind: "put", key: KEY, value: "", numbered })).ok;
}

async function createOutside({ registry }: Core): Promise<boolean> {
  for (;;) {
    const counter = registry.read((view) => view.entry(ACCOUNT, COUNTER));
    const count = Number(counter?.value ?? 0);
    const guards: Guard[] = [{ on: "mod", key: COUNTER, is: "=", than: counter?.modRevision ?? 0 }];
    const then = [
      { kind: "put", key: COUNTER, value: String(count + 1) },
      { kind: "put", key: `${KEY}${String(count).padStart(DIGITS, "0")}`, value: "" },
    ] as const;
    const outcome = await registry.propose(ACCOUNT, { kind: "when", guards, then, otherwise: [] });
    if (!outcome.ok || succeeded(outcome.value)) return outcome.ok;
  }
}
