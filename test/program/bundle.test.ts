/** The built program: its maps lead to the sources, and what went into it is named with its licence. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire, SourceMap } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { PROGRAM } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";

const DIST = dirname(dirname(PROGRAM));

test("the map of each part leads from a function to the line of the source where it is written", () => {
  const wanted = new Map([
    ["async function takeBackup(store", "packages/registry/src/replicators/embedded/backup.ts"],
    ["async function serve(config", "packages/registry/src/bin/serve.ts"],
  ]);
  for (const name of readdirSync(join(DIST, "chunks")).filter((file) => file.endsWith(".js"))) {
    const path = join(DIST, "chunks", name);
    const lines = readFileSync(path, "utf8").split("\n");
    for (const [text, source] of wanted) {
      const at = lines.findIndex((line) => line.includes(text));
      if (at === -1) continue;
      const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8")));
      const entry = map.findEntry(at, (lines[at] as string).indexOf(text)) as {
        originalSource: string;
        originalLine: number;
      };
      const original = join(dirname(path), entry.originalSource);
      assert.equal(original, join(ROOT, source));
      assert.ok(
        readFileSync(original, "utf8")
          .split("\n")
          [entry.originalLine]?.includes(text.trim().split("(")[0] as string),
      );
      wanted.delete(text);
    }
  }
  assert.deepEqual([...wanted.keys()], []);
});

test("each package that went into the program has its licence with it", () => {
  const licences = readFileSync(join(DIST, "licences.txt"), "utf8");
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "packages/registry/package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const resolve = createRequire(join(ROOT, "packages/registry/package.json")).resolve;
  for (const name of Object.keys(devDependencies)) {
    if (name.startsWith("@rollcall/")) continue;
    assert.match(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "m"), `${name}, found at ${resolve(name)}`);
  }
  assert.ok(licences.split("Permission is hereby granted, free of charge").length > 8);
});
