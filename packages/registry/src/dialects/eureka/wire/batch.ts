/** Batches between servers: JSON without a root. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { buildInstance, toStatus } from "./info.ts";
import { quote, writeInstanceJson } from "./json.ts";
import { scanJson } from "./json-scan.ts";
import type { EurekaStatus, InstanceInfo, PeerAction, PeerResult, PeerTask } from "./messages.ts";
import { Fields, isBranch, type Tree, VALUES_MAX } from "./tree.ts";

const ACTIONS: ReadonlySet<string> = new Set([
  "Heartbeat",
  "Register",
  "Cancel",
  "StatusUpdate",
  "DeleteStatusOverride",
] satisfies PeerAction[]);

/** A line that cannot be read is undefined: it is answered with 400, and the others are carried out. */
export function readBatch(body: Buffer): Outcome<readonly (PeerTask | undefined)[]> {
  const lines = readLines(body, "replicationList");
  return lines.ok ? ok(lines.value.map(toTask)) : lines;
}

/** A line that cannot be read is a result of 500. */
export function readBatchAnswer(body: Buffer): Outcome<readonly PeerResult[]> {
  const lines = readLines(body, "responseList");
  return lines.ok ? ok(lines.value.map(toResult)) : lines;
}

function readLines(body: Buffer, name: string): Outcome<readonly Tree[]> {
  const parsed = scanJson(body, VALUES_MAX.batch);
  if (!parsed.ok) return parsed;
  const lines = isBranch(parsed.value) ? parsed.value.get(name) : undefined;
  return Array.isArray(lines) ? ok(lines) : refuse("invalid", `${name} is not a list`);
}

function toTask(line: Tree): PeerTask | undefined {
  if (!isBranch(line)) return undefined;
  const fields = new Fields(line);
  const action = fields.text("action") ?? "";
  const instance = toInstance(line.get("instanceInfo"));
  const task: PeerTask = {
    action: action as PeerAction,
    appName: (fields.text("appName") ?? "").toUpperCase(),
    id: fields.text("id") ?? "",
    lastDirtyTimestamp: fields.whole("lastDirtyTimestamp"),
    overriddenStatus: toOptionalStatus(fields.text("overriddenStatus")),
    status: toOptionalStatus(fields.text("status")),
    instanceInfo: instance,
  };
  const missing = !ACTIONS.has(action) || task.appName === "" || task.id === "";
  return missing || fields.wrong !== undefined || (action === "Register" && instance === undefined) ? undefined : task;
}

function toResult(line: Tree): PeerResult {
  const fields = isBranch(line) ? new Fields(line) : undefined;
  const statusCode = fields?.whole("statusCode") ?? 500;
  return { statusCode, responseEntity: isBranch(line) ? toInstance(line.get("responseEntity")) : undefined };
}

function toInstance(tree: Tree | undefined): InstanceInfo | undefined {
  if (!isBranch(tree)) return undefined;
  const built = buildInstance(tree.get("instance") ?? tree);
  return built.ok ? built.value : undefined;
}

function toOptionalStatus(said: string | undefined): EurekaStatus | undefined {
  return said === undefined || said === "" ? undefined : toStatus(said);
}

export function writeBatch(tasks: readonly PeerTask[]): string {
  return `{"replicationList":[${tasks.map(writeTask).join(",")}]}`;
}

function writeTask(task: PeerTask): string {
  let json = `{"appName":${quote(task.appName)},"id":${quote(task.id)}`;
  if (task.lastDirtyTimestamp !== undefined) json += `,"lastDirtyTimestamp":${task.lastDirtyTimestamp}`;
  if (task.overriddenStatus !== undefined) json += `,"overriddenStatus":"${task.overriddenStatus}"`;
  if (task.status !== undefined) json += `,"status":"${task.status}"`;
  if (task.instanceInfo !== undefined) json += `,"instanceInfo":${writeInstanceJson(task.instanceInfo)}`;
  return `${json},"action":"${task.action}"}`;
}

export function writeBatchAnswer(results: readonly PeerResult[]): string {
  return `{"responseList":[${results.map(writeResult).join(",")}]}`;
}

function writeResult({ statusCode, responseEntity }: PeerResult): string {
  const entity = responseEntity === undefined ? "" : `,"responseEntity":${writeInstanceJson(responseEntity)}`;
  return `{"statusCode":${statusCode}${entity}}`;
}
