/** Ends the process with a sentence when this Node is too old. Plain and without imports of ours: an old Node runs it. */
import { readFileSync } from "node:fs";

export function checkNode() {
  const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const least = engines.node.replace(">=", "");
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [majorMin, minorMin] = least.split(".").map(Number);
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return;
  console.error(`Rollcall needs Node ${least} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}
