/** Consul's keys, copied one by one with their flags. */
import { type Consul, each, fieldsOf } from "./consul.ts";
import type { Copied } from "./copied.ts";

export interface CopyOptions {
  readonly overwrite: boolean;
  readonly dryRun: boolean;
}

interface Entry {
  /** Base64. */
  readonly value: string;
  /** 64 bits, in decimal. */
  readonly flags: string;
  readonly index: string;
  readonly isHeld: boolean;
}

export async function copyKeys(from: Consul, to: Consul, prefix: string, options: CopyOptions, copied: Copied) {
  const { status, body } = await from.ask("GET", `kv/${encodeURIComponent(prefix)}?keys`);
  const names = status === 404 ? [] : (JSON.parse(body.toString("utf8")) as readonly string[]);
  await each(names, async (name) => {
    const there = await read(from, name);
    // Deleted since the list was made.
    if (there === undefined) return;
    // Whose it is: that one takes it anew where it moves to.
    if (there.isHeld) return copied.add("held", name);
    const here = await read(to, name);
    if (here?.value === there.value && here.flags === there.flags) return copied.add("same", name);
    if (here !== undefined && !options.overwrite) return copied.add("differs", name);
    const refused = options.dryRun ? undefined : await write(to, name, there, here?.index ?? "0");
    if (refused === undefined) copied.add("copied", name);
    else copied.add("refused", name, refused);
  });
}

/** Where a path would be cleaned before it is read: such keys are only reached by transactions. */
function isCleaned(key: string): boolean {
  return key.startsWith("/") || key.includes("//") || key.split("/").some((part) => part === "." || part === "..");
}

async function read(at: Consul, key: string): Promise<Entry | undefined> {
  const isOdd = isCleaned(key);
  const get = `[{"KV":{"Verb":"get","Key":${JSON.stringify(key)}}}]`;
  const { status, body } = isOdd
    ? await at.ask("PUT", "txn", get)
    : await at.ask("GET", `kv/${encodeURIComponent(key)}`);
  if (status !== 200) return undefined;
  const fields = fieldsOf(body);
  const entry = fields.ok ? (isOdd ? fields.value.objects("Results")[0]?.object("KV") : fields.value) : undefined;
  if (entry === undefined) return undefined;
  return {
    value: entry.text("Value"),
    flags: entry.uint64("Flags"),
    index: entry.uint64("ModifyIndex"),
    isHeld: entry.text("Session") !== "",
  };
}

/** Only where it is still as it was read. Answers why not. */
async function write(to: Consul, key: string, { value, flags }: Entry, index: string): Promise<string | undefined> {
  if (isCleaned(key)) {
    const kv = `"Verb":"cas","Key":${JSON.stringify(key)},"Value":"${value}","Flags":${flags},"Index":${index}`;
    const { status, body } = await to.ask("PUT", "txn", `[{"KV":{${kv}}}]`);
    return status === 200 ? undefined : status === 409 ? CHANGED : body.toString("utf8").trim();
  }
  const path = `kv/${encodeURIComponent(key)}?cas=${index}&flags=${flags}`;
  const { status, body } = await to.ask("PUT", path, Buffer.from(value, "base64"));
  const said = body.toString("utf8").trim();
  if (status !== 200) return said;
  return said === "true" ? undefined : CHANGED;
}

const CHANGED = "it changed meanwhile";
