/** A system's clock that is off, for one program alone. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StartOptions } from "./program.ts";
import { type Scope, temporaryDirectory } from "./scope.ts";

/** Loaded before the program: its clock is off by the ms in a file. */
const PRELOAD = `
import { readFileSync } from "node:fs";
const Real = Date;
const now = Real.now;
let offMs = 0;
const look = () => { offMs = Number(readFileSync(process.env.TEST_CLOCK, "utf8")); };
look();
setInterval(look, 10).unref();
globalThis.Date = class extends Real {
  static now() { return now() + offMs; }
  constructor(...given) { if (given.length === 0) super(now() + offMs); else super(...given); }
};
`;

export interface WrongClock {
  /** For the program that is to have it. */
  readonly options: Required<Pick<StartOptions, "env" | "nodeFlags">>;
  /** From now on it is off by so much. */
  set(offMs: number): void;
}

export function makeWrongClock(scope: Scope, offMs: number): WrongClock {
  const file = join(temporaryDirectory(scope), "clock");
  const set = (ms: number): void => {
    writeFileSync(`${file}.new`, String(ms));
    renameSync(`${file}.new`, file);
  };
  set(offMs);
  return {
    options: {
      env: { TEST_CLOCK: file },
      nodeFlags: ["--import", `data:text/javascript,${encodeURIComponent(PRELOAD)}`],
    },
    set,
  };
}
