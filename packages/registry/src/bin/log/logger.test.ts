/** What the log looks like, and what it says of itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, type LogFormat } from "./logger.ts";

function openLog(format: LogFormat, level = "info") {
  const out = {
    lost: 0,
    fails: false,
    text: "",
    write(line: string): boolean {
      if (out.fails) out.lost++;
      else out.text += line;
      return !out.fails;
    },
  };
  return { out, log: createLog(format, level, out).logger };
}

for (const format of ["text", "json"] as const)
  test(`lost lines are told once when there is room again, as ${format}`, () => {
    const { out, log } = openLog(format);
    out.fails = true;
    log.info("one");
    log.info("two");
    out.fails = false;
    log.info("three");
    log.info("four");
    const lines = out.text.trim().split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[1] as string, /lost\W+2/);
  });

test("lines at debug are bounded in a second, and those left out are counted; others are not", async () => {
  const { out, log: logger } = openLog("json", "debug");
  const child = logger.child({ dialect: "x" });
  for (let i = 0; i < 1000; i++) child.debug("much");
  for (let i = 0; i < 300; i++) child.info("told");
  const count = (msg: string): number => out.text.split(`"msg":"${msg}"`).length - 1;
  assert.deepEqual([count("much"), count("told")], [200, 300]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  child.debug("later");
  assert.match(out.text, /"leftOut":800/);
  assert.equal(count("later"), 1);
});

const NASTY = 'a\n12:00:00 info  stopped\r\x1b[2J\u009b31m\u2028\u202e"';

for (const format of ["text", "json"] as const)
  test(`names and messages of others begin no line and steer no terminal, as ${format}`, () => {
    const { out, log } = openLog(format);
    log.warn({ name: NASTY, deep: { name: NASTY }, [NASTY]: 1 }, `it is ${NASTY}`);
    log.error({ err: new Error(NASTY) }, "broken");
    const lines = out.text.slice(0, -1).split("\n");
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028]/u);
    const heads = lines.filter((line) => !line.startsWith("    "));
    assert.equal(heads.length, 2);
    if (format === "json")
      assert.deepEqual(
        heads.map((line) => JSON.parse(line).name ?? JSON.parse(line).err.message),
        [NASTY, NASTY],
      );
  });
