/**
 * @live A new configuration for HAProxy: written beside the old one, checked, put in its place at once, and taken by a reload.
 * What is refused leaves the old one where it is.
 */
import { rename } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { HaproxyConfig } from "../config.ts";
import { writeWhole } from "../host/disk.ts";
import { runCommand } from "../host/run.ts";
import { ASK_INFO, readPid } from "./runtime.ts";
import { tellHaproxy } from "./socket.ts";

const COMMAND_MS_MAX = 60_000;
/** So long the process that a reload starts may need until it answers. */
const TAKEN_MS_MAX = 10_000;
/** The same where nobody answered before: the reload may open the socket, or not. */
const OPENED_MS_MAX = 2000;
const ASK_AGAIN_MS = 20;
/** Of a shell that does not find the program. */
const NOT_FOUND = 127;

/** Rejects with what HAProxy says of it; then nothing has changed, unless the reload itself failed. */
export async function bringNew(config: HaproxyConfig, pieces: readonly string[]): Promise<void> {
  const { configPath, candidatePath, checkCommand, reloadCommand, socketPath } = config;
  await writeWhole(candidatePath, pieces);
  const checked = await runCommand(checkCommand, { timeoutMs: COMMAND_MS_MAX });
  if (checked.code === NOT_FOUND) throw new Error(`HAProxy is not there: ${firstOf(checked.output)}`);
  if (checked.code !== 0) throw new Error(`the new configuration is refused by its check: ${firstOf(checked.output)}`);
  await rename(candidatePath, configPath);
  if (reloadCommand === null) return;
  const before = socketPath === null ? undefined : await pidOf(socketPath);
  const reloaded = await runCommand(reloadCommand, { timeoutMs: COMMAND_MS_MAX });
  if (reloaded.code !== 0) throw new Error(`the reload failed: ${firstOf(reloaded.output)}`);
  if (socketPath !== null) await untilTaken(socketPath, before);
}

/**
 * What is told to the process before is forgotten with it: waits until the next one answers. A socket that was removed is
 * not made again by a reload, as the next process takes it over: all is said by the file then.
 */
async function untilTaken(path: string, before: number | undefined): Promise<void> {
  const untilMs = performance.now() + (before === undefined ? OPENED_MS_MAX : TAKEN_MS_MAX);
  while (performance.now() < untilMs) {
    const pid = await pidOf(path);
    if (pid !== undefined && pid !== before) return;
    await sleep(ASK_AGAIN_MS);
  }
  if (before === undefined) return;
  throw new Error(`the reload was not taken within ${TAKEN_MS_MAX} ms: no new process answers at ${path}`);
}

async function pidOf(path: string): Promise<number | undefined> {
  try {
    return readPid(await tellHaproxy(path, [ASK_INFO]));
  } catch {
    return undefined;
  }
}

/** The line that says it, without the number of the process: the same trouble has the same words. */
function firstOf(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((one) => one.includes("[ALERT]")) ?? lines[0] ?? "without a word";
  return line
    .replace(/\s*\(\d+\)\s*/, " ")
    .trim()
    .slice(0, 500);
}
