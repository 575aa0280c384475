/** dig and kdig: what they print, as data. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";

/** One answer that dig or kdig printed. */
export interface Lookup {
  readonly status: string;
  /** `qr aa rd`, in the order they were printed. */
  readonly flags: readonly string[];
  readonly opcode: string;
  /** As it was printed: the case that came back. */
  readonly question: string;
  readonly answers: readonly Printed[];
  readonly authority: readonly Printed[];
  readonly additional: readonly Printed[];
  /** The line about EDNS; undefined when there was no OPT record. */
  readonly edns: string | undefined;
  /** `UDP` or `TCP`: how the last try went out. */
  readonly transport: string;
  /** All of its lines. */
  readonly text: string;
}

export interface Printed {
  readonly name: string;
  readonly ttlS: number;
  readonly type: string;
  /** In the presentation format. */
  readonly data: string;
}

/** Asks a server of 127.0.0.1 by dig or kdig; the answers in the order they came. */
export async function lookUpAll(path: string, port: number, args: readonly string[]): Promise<readonly Lookup[]> {
  const output = await runForOutput(path, ["@127.0.0.1", "-p", String(port), ...args]);
  const parts = output.split(/^(?=;; ->>HEADER<<-)/m);
  return parts.filter((part) => part.startsWith(";; ->>HEADER<<-")).map(readLookup);
}

/** The same with one question. */
export async function lookUp(path: string, port: number, ...args: readonly string[]): Promise<Lookup> {
  const once = path.endsWith("kdig") ? "+retry=0" : "+tries=1";
  const [first, ...more] = await lookUpAll(path, port, [once, ...args]);
  assert.ok(first !== undefined && more.length === 0, `not one answer to ${args.join(" ")}`);
  return first;
}

/** How a program ended, and what it printed. */
export interface Ran {
  /** 128 when it was killed, as it is after `timeoutMs`. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function runProgram(path: string, args: readonly string[], timeoutMs = 10_000): Promise<Ran> {
  return new Promise((resolve) => {
    // dig reads ~/.digrc.
    const options = { timeout: timeoutMs, env: { ...process.env, HOME: "/nonexistent", LC_ALL: "C.UTF-8" } };
    execFile(path, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 128;
      resolve({ code, stdout, stderr: stderr || (error?.message ?? "") });
    });
  });
}

/** What a program prints; rejects with all of it when it fails. */
export async function runForOutput(path: string, args: readonly string[], timeoutMs?: number): Promise<string> {
  const { code, stdout, stderr } = await runProgram(path, args, timeoutMs);
  if (code !== 0) throw new Error(`${path} ${args.join(" ")} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

function readLookup(part: string): Lookup {
  const section = (name: string): readonly Printed[] => {
    const lines = new RegExp(`^;; ${name} SECTION:\\n((?:.+\\n?)*)`, "m").exec(part)?.[1] ?? "";
    return lines.split("\n").flatMap((line) => {
      const match = /^([^;\s]\S*)\s+(\d+)\s+(?:IN|CH|ANY|NONE)\s+(\S+)\s+(.*)$/.exec(line);
      if (match === null) return [];
      const [, owner = "", ttl, type = "", data = ""] = match;
      return [{ name: owner, ttlS: Number(ttl), type, data }];
    });
  };
  return {
    status: /status: (\w+)/.exec(part)?.[1] ?? "",
    opcode: /opcode: (\w+)/.exec(part)?.[1] ?? "",
    flags: (/^;; [Ff]lags: ([a-z ]*)/m.exec(part)?.[1] ?? "").trim().split(/\s+/),
    question: /^;; QUESTION SECTION:\n;+\s*(\S+)/m.exec(part)?.[1] ?? "",
    answers: section("ANSWER"),
    authority: section("AUTHORITY"),
    additional: section("ADDITIONAL"),
    edns: /^; ?EDNS: (.*)$/m.exec(part)?.[1] ?? /^;; Version: (.*)$/m.exec(part)?.[1],
    transport: /\((UDP|TCP)\)/.exec(part)?.[1] ?? "",
    text: part,
  };
}

/** The data of these records, sorted. */
export function dataOf(records: readonly Printed[], type?: string): readonly string[] {
  return records
    .filter((record) => type === undefined || record.type === type)
    .map(({ data }) => data)
    .sort();
}
