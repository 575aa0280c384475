import { readFile } from "node:fs/promises";
import type { KeyBody, KeysBody } from "@rollcall/client";
import type { Command } from "commander";
import { downNote, showItem } from "../terminal/changes.ts";
import { type Context, checkReached, connect, inAccount, untilInterrupted } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { toWhole } from "../terminal/flags.ts";
import { stdout } from "../terminal/streams.ts";

interface SetFlags {
  readonly file?: string;
  readonly ifRevision?: string;
  readonly ifAbsent?: boolean;
  readonly lease?: string;
}

export function defineConfig(program: Command): void {
  const config = program
    .command("config")
    .summary("read and change configuration keys")
    .description("Reads, changes and follows configuration keys.");
  config
    .command("get <key>")
    .summary("print a value")
    .description("Prints the value as it is. Exit code 4 when the key is not there.")
    .action(async (key: string, _flags: object, self: Command) => getKey(await connect(self), key));
  config
    .command("set <key> [value]")
    .summary("store a value")
    .description("Stores a value: from the command line, from a file, or from standard input.")
    .option("--file <file>", 'read the value from this file; "-" is standard input')
    .option("--if-revision <revision>", "only when the key is still at this revision; 0: only when it is not there")
    .option("--if-absent", "only when the key is not there")
    .option("--lease <lease>", "the key goes when this lease ends")
    .action(async (key: string, value: string | undefined, flags: SetFlags, self: Command) =>
      setKey(await connect(self), key, value, flags),
    );
  config
    .command("delete <key>")
    .summary("delete a key, or all below a prefix")
    .description("Deletes a key. Exit code 4 when it is not there.")
    .option("--prefix", "every key that begins with this instead")
    .option("--if-revision <revision>", "only when the key is still at this revision")
    .action(async (key: string, flags: { prefix?: boolean; ifRevision?: string }, self: Command) =>
      deleteKey(await connect(self), key, flags),
    );
  config
    .command("list [prefix]")
    .summary("list keys")
    .description("Lists keys, all or those that begin with a prefix.")
    .action(async (prefix: string | undefined, _flags: object, self: Command) =>
      listKeys(await connect(self), prefix ?? ""),
    );
  config
    .command("watch [prefix]")
    .summary("follow changes of keys")
    .description("Follows changes of keys until Ctrl-C. JSON gives one commit a line.")
    .option("--after <revision>", "begin after this revision instead of now")
    .action(async (prefix: string | undefined, flags: { after?: string }, self: Command) =>
      watchKeys(await connect(self), prefix ?? "", flags.after),
    );
}

async function getKey({ client, out }: Context, key: string): Promise<void> {
  const entry = await client.config.get(key);
  if (entry === null) throw new Failure(EXIT.notFound, `there is no key "${key}"`);
  if (out.json) return out.document(entry);
  const bytes = bytesOf(entry);
  // Exactly the value for scripts and files; a terminal wants its prompt on a new line.
  stdout().write(bytes);
  if (out.width !== undefined && bytes.at(-1) !== 10) stdout().write("\n");
}

function bytesOf(entry: KeyBody): Buffer {
  return entry.value === null ? Buffer.from(entry.valueBase64 ?? "", "base64") : Buffer.from(entry.value, "utf8");
}

async function setKey(
  { client, out }: Context,
  key: string,
  value: string | undefined,
  flags: SetFlags,
): Promise<void> {
  const bytes = await readBytes(value, flags.file);
  const ifRevision = flags.ifAbsent
    ? 0
    : flags.ifRevision === undefined
      ? undefined
      : toWhole(flags.ifRevision, "--if-revision");
  const answer = await client.config.put(key, bytes, { ifRevision, lease: flags.lease });
  if (out.json) out.document(answer);
  else out.line(`${key} set (revision ${answer.revision}, version ${answer.version})`);
}

const VALUE_BYTES_MAX = 16 * 1024 * 1024;

async function readBytes(value: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if (value !== undefined && file !== undefined) throw new Failure(EXIT.usage, "give a value or --file, not both");
  if (value !== undefined) return Buffer.from(value, "utf8");
  if (file !== undefined && file !== "-") return readFile(file);
  if (process.stdin.isTTY && file === undefined)
    throw new Failure(EXIT.usage, "give a value, or --file", "rollcall config set <key> <value>");
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > VALUE_BYTES_MAX)
      throw new Failure(EXIT.usage, `standard input is longer than ${VALUE_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function deleteKey(
  { client, out }: Context,
  key: string,
  flags: { prefix?: boolean; ifRevision?: string },
): Promise<void> {
  const ifRevision = flags.ifRevision === undefined ? undefined : toWhole(flags.ifRevision, "--if-revision", 1);
  const answer = flags.prefix ? await client.config.deletePrefix(key) : await client.config.delete(key, { ifRevision });
  if (answer.deleted === 0)
    throw new Failure(EXIT.notFound, flags.prefix ? `no key begins with "${key}"` : `there is no key "${key}"`);
  if (out.json) out.document(answer);
  else out.line(`${answer.deleted === 1 ? "1 key" : `${answer.deleted} keys`} deleted (revision ${answer.revision})`);
}

async function listKeys(context: Context, prefix: string): Promise<void> {
  const { client, out } = context;
  const first: KeysBody = await client.config.list({ prefix });
  const keys = [...first.keys];
  for (let next = first.next; next !== null; ) {
    const page = await client.config.list({ prefix, from: next });
    keys.push(...page.keys);
    next = page.next;
  }
  if (out.json) return out.document({ ...first, keys, next: null });
  out.table(
    [
      { title: "key" },
      { title: "version", right: true },
      { title: "revision", right: true },
      { title: "lease" },
      { title: "value" },
    ],
    keys.map((one) => [one.key, String(one.version), String(one.modRevision), one.lease ?? "-", shorten(one)]),
    `${prefix === "" ? "no keys" : `no keys begin with "${prefix}"`}${inAccount(context)}`,
  );
}

function shorten(entry: KeyBody): string {
  if (entry.value === null) return `(${bytesOf(entry).length} bytes)`;
  const line = entry.value.replace(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

async function watchKeys({ client, out }: Context, prefix: string, from: string | undefined): Promise<void> {
  const after = from === undefined ? undefined : toWhole(from, "--after");
  await checkReached(client, after);
  const signal = untilInterrupted();
  const items = client.config.watch({
    prefix,
    ...(after !== undefined && { after }),
    signal,
    onDown: (error) => out.note(downNote(error)),
  });
  for await (const item of items) {
    showItem(out, item, true);
    await out.taken(signal);
  }
}
