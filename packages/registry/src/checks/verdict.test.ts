/** What verdicts come to: rise and fall. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Check, Probe, Status } from "../core/index.ts";
import { fail, judge, pass, type Verdict } from "./verdict.ts";

const WORDS: Readonly<Record<string, Verdict>> = {
  p: pass(""),
  w: { status: "warning", output: "" },
  f: fail(""),
};

/** Statuses after each of the verdicts, by their first letters. */
function statusesOf(probe: Probe, verdicts: string, from: Status = "critical", isKnown = false): string {
  const row = { good: 0, bad: 0 };
  let status = from;
  let isFirst = !isKnown;
  let said = "";
  for (const letter of verdicts) {
    const check: Check = {
      ...{ id: "c", kind: "http", name: "", target: "/", intervalMs: 1000, timeoutMs: 1000, output: "" },
      ...{ status, reportedAtMs: isFirst ? 0 : 1, probe },
    } as Check;
    status = judge(row, WORDS[letter] as Verdict, check, isFirst);
    isFirst = false;
    said += status[0];
  }
  return said;
}

test("so many results in a row turn a check, the first one at once", () => {
  const cases: readonly (readonly [probe: Probe, verdicts: string, statuses: string])[] = [
    [{}, "pfpwf", "pcpwc"],
    [{ fall: 3 }, "pffpfffp", "ppppppcp"],
    [{ fall: 3 }, "ffp", "ccp"],
    [{ rise: 3 }, "fppfppp", "ccccccp"],
    [{ rise: 2, fall: 2 }, "pfpffpp", "ppppccp"],
    [{ fall: 3, warnAfter: 1 }, "pfffpf", "pwwcpw"],
    [{ fall: 3, warnAfter: 2 }, "pfff", "ppwc"],
    [{ rise: 2 }, "pw", "pw"],
  ];
  for (const [probe, verdicts, statuses] of cases)
    assert.equal(statusesOf(probe, verdicts), statuses, `${JSON.stringify(probe)} ${verdicts}`);
});

test("what another node or a run before found stays until there are enough", () => {
  assert.equal(statusesOf({ fall: 3, warnAfter: 1 }, "ff", "critical", true), "cc");
  assert.equal(statusesOf({ fall: 3 }, "ff", "passing", true), "pp");
  assert.equal(statusesOf({ rise: 2 }, "pp", "critical", true), "cp");
});
