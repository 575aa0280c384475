/** What has been asked of `/v2/keys`, as `/v2/stats/store` tells it. */
import type { Operation } from "./changes/verbs.ts";

const VERBS = ["gets", "sets", "delete", "update", "create", "compareAndSwap", "compareAndDelete"] as const;

type Verb = (typeof VERBS)[number];

const OF: Readonly<Record<Operation["verb"], Verb>> = {
  set: "sets",
  create: "create",
  update: "update",
  compareAndSwap: "compareAndSwap",
  delete: "delete",
  compareAndDelete: "compareAndDelete",
};

export class Stats {
  readonly #counts: Record<string, number> = {};
  watchers = 0;

  constructor() {
    for (const verb of VERBS) for (const end of ["Success", "Fail"]) this.#counts[verb + end] = 0;
  }

  count(verb: Operation["verb"] | "get", isWell: boolean): void {
    const name = `${verb === "get" ? "gets" : OF[verb]}${isWell ? "Success" : "Fail"}`;
    this.#counts[name] = (this.#counts[name] as number) + 1;
  }

  shown(): Readonly<Record<string, number>> {
    return { ...this.#counts, expireCount: 0, watchers: this.watchers };
  }
}
