/** hera's own configuration file, by which a node is started in place of one of hera's. */
import { readMap } from "./file.ts";

/** The file in settings of ours. */
export interface HeraFile {
  /** By the keys of settings: `name`, `ports.hera`. */
  readonly values: ReadonlyMap<string, unknown>;
  /** For `dialectSettings.hera`. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The file's words, and what they are called here; those without another name are settings of the dialect. */
const WORDS: Readonly<Record<string, string | undefined>> = {
  name: "name",
  port: "ports.hera",
  liveness: undefined,
  "gossip-interval": undefined,
  cluster: undefined,
};

/** Adds a sentence to `problems` for every mistake. */
export function readHeraFile(path: string, problems: string[]): HeraFile {
  const values = new Map<string, unknown>();
  const settings: Record<string, unknown> = {};
  const read = readMap(path);
  if (!read.ok) problems.push(...read.problems);
  for (const [word, value] of Object.entries(read.ok ? read.value : {})) {
    const key = WORDS[word];
    if (!(word in WORDS)) problems.push(`${path}: ${word}: hera knows ${Object.keys(WORDS).join(", ")}`);
    else if (key === undefined) settings[word] = value;
    else values.set(key, value);
  }
  return { values, settings };
}
