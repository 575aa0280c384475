/** What programs that use the SDK get, and what it costs them. */
import type { Goal, Group, Row } from "../row.ts";
import { CALLED } from "../scenarios/sdk/called.ts";
import { KILLED } from "../scenarios/sdk/killed.ts";

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  return { id, scenario, title, unit, ours, beside: [], ...(goal && { goal }) };
}

export const SDK: Group = {
  id: "sdk",
  title: "Programs that use the SDK",
  programs: [],
  scenarios: [KILLED, CALLED],
  rows: [
    toRow("killed", KILLED.id, "a program that holds a connection is killed: a watcher knows", "ms", "known", {
      atMost: 200,
    }),
    toRow("killed-slowest", KILLED.id, "the slowest of these", "ms", "slowest"),
    toRow(
      "called",
      CALLED.id,
      "processor time that a balanced call adds to a fetch that answers at once",
      "µs",
      "added",
      {
        atMost: 5,
      },
    ),
    toRow("called-bare", CALLED.id, "processor time of a bare fetch on loopback", "µs", "bare"),
  ],
};
