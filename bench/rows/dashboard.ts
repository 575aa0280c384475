/** The pages in Debian's Chromium: how soon they are there, and what they cost. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Goal, Group, Row, Scenario } from "../row.ts";
import { COST } from "../scenarios/dashboard/cost.ts";
import { SCREEN } from "../scenarios/dashboard/screen.ts";

const ASSETS = join(import.meta.dirname, "../../packages/registry/dist/ui/assets");

/** All files that the pages load, as gzip makes them. */
const SIZE: Scenario<"rollcall"> = {
  id: "dashboard-size",
  rounds: 1,
  sides: ["rollcall"],
  roundMsMax: 5000,
  measure: async () => {
    const files = readdirSync(ASSETS).filter((name) => name.endsWith(".gz"));
    return { bytes: files.reduce((sum, name) => sum + statSync(join(ASSETS, name)).size, 0) / 1e6 };
  },
};

function toRow(id: string, scenario: string, title: string, unit: Row["unit"], ours: string, goal?: Goal): Row {
  return { id, scenario, title, unit, ours, beside: [], ...(goal && { goal }) };
}

export const DASHBOARD: Group = {
  id: "dashboard",
  title: "The dashboard in a browser, over 200 services with 10 000 instances",
  programs: ["chromium"],
  scenarios: [SIZE, SCREEN, COST],
  rows: [
    toRow("dashboard-size", SIZE.id, "all that the pages load, compressed by gzip", "MB", "bytes", { atMost: 0.1024 }),
    toRow(
      "dashboard-screen",
      SCREEN.id,
      "the first full screen, nothing cached, on a processor slowed four times",
      "ms",
      "slow",
      { atMost: 1000 },
    ),
    toRow("dashboard-screen-plain", SCREEN.id, "the same on this processor as it is", "ms", "plain"),
    toRow("dashboard-cost", COST.id, "of a core, that an open overview adds under 20 changes a second", "%", "added", {
      atMost: 2,
    }),
    toRow("dashboard-cost-without", COST.id, "of a core, for the 20 changes a second alone", "%", "without"),
  ],
};
