/** nsqlookupd's own protocol, beside a real nsqlookupd. */
import { type Goal, type Group, type Row, SAME } from "../row.ts";
import { NSQ_LOOKUP } from "../scenarios/nsq/lookup.ts";

function toRow(id: string, title: string, unit: Row["unit"], metric: string, goal?: Goal): Row {
  const comparison = { peer: "nsqlookupd", metric, work: SAME } as const;
  const beside = [goal === undefined ? comparison : { ...comparison, goal }];
  return { id, scenario: NSQ_LOOKUP.id, title, unit, ours: metric, beside };
}

/** nsqd waits no longer for an answer. */
const DEADLINE_MS = 1000;

export const NSQ: Group = {
  id: "nsq",
  title: "Rollcall beside nsqlookupd",
  programs: ["wrk"],
  scenarios: [NSQ_LOOKUP],
  rows: [
    toRow("nsq-lookup", "/lookup of a topic with 100 of 5 000 producers", "/s", "lookups", { atLeast: 1 }),
    toRow("nsq-lookup-p99", "the same, p99", "ms", "lookupsP99", { atMost: 1 }),
    toRow("nsq-memory", "memory with 5 000 producers of 20 topics each, after the lookups", "MB", "memory", {
      atMost: 2,
    }),
    toRow("nsq-register", "REGISTER of all producers at once", "/s", "registers"),
    {
      ...toRow("nsq-register-worst", "the slowest answer of these", "ms", "registerWorst"),
      goal: { atMost: DEADLINE_MS },
      each: true,
    },
  ],
};
