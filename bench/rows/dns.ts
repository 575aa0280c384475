/** DNS answers over UDP beside Debian's servers with the same names, and how soon a change is in ours. */
import { type Comparison, type Group, type Row, SAME } from "../row.ts";
import { DNS_CHANGE } from "../scenarios/dns/change.ts";
import { DNS_MANY, DNS_ONE } from "../scenarios/dns/questions.ts";

const CHANGE_MS = 5;

function besideAll(metric: string): Comparison[] {
  return [
    { peer: "dnsmasq", metric, work: SAME, goal: { atLeast: 1.2 } },
    { peer: "knot", metric, work: SAME, goal: { atLeast: 0.8 } },
    { peer: "bind", metric, work: SAME },
  ];
}

function toRateRow(id: string, scenario: string, title: string, ours: string): Row {
  return { id, scenario, title, unit: "/s", ours, beside: besideAll(ours) };
}

function toChangeRow(id: string, title: string, ours: string, goal?: Row["goal"]): Row {
  const row: Row = { id, scenario: DNS_CHANGE.id, title, unit: "ms", ours, beside: [] };
  return goal === undefined ? row : { ...row, goal };
}

function listChangeRows(id: string, when: string, metric: string): Row[] {
  const goal = { atMost: CHANGE_MS };
  return [
    toChangeRow(id, `commit to changed answer, ${when}, median`, `${metric}Commit`, goal),
    toChangeRow(`${id}-p99`, `commit to changed answer, ${when}, 99 of 100`, `${metric}CommitP99`, goal),
    toChangeRow(`${id}-worst`, `commit to changed answer, ${when}, worst`, `${metric}CommitWorst`),
    toChangeRow(`${id}-put`, `sending of the PUT to changed answer, ${when}, median`, `${metric}Put`),
  ];
}

export const DNS: Group = {
  id: "dns",
  title: "Rollcall beside other DNS servers",
  programs: ["dnsperf"],
  scenarios: [DNS_MANY, DNS_ONE, DNS_CHANGE],
  rows: [
    toRateRow("dns-srv", "dns", "SRV of 10 instances, 300 services", "srv"),
    toRateRow("dns-srv-edns", "dns", "SRV of 10 instances, 300 services, EDNS", "srvEdns"),
    toRateRow("dns-a", "dns", "A of 10 instances, 300 services", "address"),
    toRateRow("dns-one-srv", "dns-one", "SRV of 10 instances, one service", "srv"),
    toRateRow("dns-one-srv-edns", "dns-one", "SRV of 10 instances, one service, EDNS", "srvEdns"),
    toRateRow("dns-one-a", "dns-one", "A of 10 instances, one service", "address"),
    ...listChangeRows("dns-change", "idle", "idle"),
    ...listChangeRows("dns-change-loaded", "under dnsperf", "loaded"),
    {
      ...toChangeRow("dns-stale", "stale answers to questions after a commit", "stale", { atMost: 0 }),
      unit: "answers",
      each: true,
    },
  ],
};
