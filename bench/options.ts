/** What a run is asked to do. */
import { parseArgs } from "node:util";
import type { Effort, Group, Row, Side } from "./row.ts";
import { GROUPS } from "./rows/groups.ts";

const USAGE = "npm run bench -- [--quick] [--group name,…] [--only row,…] [--rounds n] [--side name,…]";

const FULL: Effort = {
  quick: false,
  warmMs: 3000,
  measureMs: 6000,
  changes: 60,
  population: 100_000,
  leases: 1_000_000,
};
const QUICK: Effort = { quick: true, warmMs: 1000, measureMs: 2000, changes: 15, population: 10_000, leases: 50_000 };

/** A group with those of its rows that are asked for. */
export interface Wanted {
  group: Group;
  rows: readonly Row[];
}

export interface Options {
  effort: Effort;
  rounds: number | undefined;
  wanted: readonly Wanted[];
  /** Undefined for all. */
  sides: readonly Side[] | undefined;
}

/** All sides of a group. */
export function listSides(group: Group): Side[] {
  return [...new Set(group.scenarios.flatMap((scenario) => scenario.sides))];
}

/** The rows whose ids begin with these words, or all rows of the group of this name. */
function pickRows(word: string): readonly Row[] {
  const rows = GROUPS.flatMap((group) => group.rows);
  const own = rows.filter((row) => row.id === word || row.id.startsWith(`${word}-`));
  const picked = own.length > 0 ? own : GROUPS.find((group) => group.id === word)?.rows;
  if (picked === undefined) throw new Error(`no such row: ${word}. Rows: ${rows.map((row) => row.id).join(", ")}`);
  return picked;
}

function pickWanted(groups: string | undefined, only: string | undefined): Wanted[] {
  const ids = groups?.split(",") ?? GROUPS.map((group) => group.id);
  const unknown = ids.filter((id) => !GROUPS.some((group) => group.id === id));
  if (unknown.length > 0)
    throw new Error(`no such group: ${unknown.join(", ")}. Groups: ${GROUPS.map((group) => group.id).join(", ")}`);
  const picked = only === undefined ? undefined : new Set(only.split(",").flatMap(pickRows));
  const wanted = GROUPS.filter((group) => ids.includes(group.id)).map((group) => ({
    group,
    rows: group.rows.filter((row) => picked === undefined || picked.has(row)),
  }));
  const some = wanted.filter(({ rows }) => rows.length > 0);
  if (some.length === 0) throw new Error("none of these rows is in these groups");
  return some;
}

function pickSides(text: string | undefined): Side[] | undefined {
  if (text === undefined) return undefined;
  const all = [...new Set(GROUPS.flatMap(listSides))];
  return text.split(",").map((name) => {
    const side = all.find((each) => each === name);
    if (side === undefined) throw new Error(`no such side: ${name}. Sides: ${all.join(", ")}`);
    return side;
  });
}

/** Reads the command line. A string is shown instead of a run. */
export function readOptions(): Options | string {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      group: { type: "string" },
      only: { type: "string" },
      rounds: { type: "string" },
      side: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    const groups = GROUPS.map(({ id, rows }) => `${id}: ${rows.map((row) => row.id).join(", ")}`);
    return [USAGE, "", "groups and their rows; --only takes the first words of ids as well", ...groups].join("\n");
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) throw new Error("--rounds takes 1 or more");
  const wanted = pickWanted(values.group, values.only);
  return { effort: values.quick ? QUICK : FULL, rounds, wanted, sides: pickSides(values.side) };
}
