/** What agents beside applications cost, and how soon they do what they are for. */
import type { Goal, Group, Row } from "../row.ts";
import { KILLED } from "../scenarios/agent/killed.ts";
import { OUT } from "../scenarios/agent/out.ts";
import { POPULATION } from "../scenarios/agent/population.ts";
import { TRAFFIC } from "../scenarios/agent/traffic.ts";

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  return { id, scenario, title, unit, ours, beside: [], ...(goal && { goal }) };
}

const MEMORY = "memory of an agent over 1 000 services of 50 instances";
const HELD = "SIGKILL of a backend that holds a connection: the last of 100 agents knows";
const CHECKED = "SIGKILL of a backend that is checked by HTTP each second: the last of 100 agents knows";
const TAKEN = "SIGKILL of a backend that is checked by HTTP each second: HAProxy sends it nothing more";
const PASSED = "a registration until its first request through HAProxy";

export const AGENT: Group = {
  id: "agent",
  title: "Agents beside applications",
  programs: ["haproxy"],
  scenarios: [POPULATION, KILLED, TRAFFIC, OUT],
  rows: [
    toRow("agent-memory", POPULATION.id, `${MEMORY}, a file kept for each`, "MB", "memory", { atMost: 150 }),
    toRow("agent-memory-shown", POPULATION.id, `${MEMORY}, shown alone`, "MB", "shown"),
    toRow("agent-memory-peak", POPULATION.id, "the most of it since the start", "MB", "peak"),
    toRow("agent-held", KILLED.id, HELD, "ms", "held", { atMost: 200 }),
    toRow("agent-held-slowest", KILLED.id, "the slowest of these", "ms", "heldSlowest"),
    toRow("agent-checked", KILLED.id, CHECKED, "ms", "checked"),
    toRow("agent-checked-slowest", KILLED.id, "the slowest of these", "ms", "checkedSlowest"),
    toRow("agent-traffic", TRAFFIC.id, PASSED, "ms", "traffic", { atMost: 300 }),
    toRow("agent-traffic-slowest", TRAFFIC.id, "the slowest of these", "ms", "trafficSlowest"),
    toRow("agent-out", OUT.id, TAKEN, "ms", "out"),
    toRow("agent-out-slowest", OUT.id, "the slowest of these", "ms", "outSlowest"),
  ],
};
