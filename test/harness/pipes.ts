/** Pipes between two ends that the test holds itself, for what a program does when its output is not taken. */
import { execFileSync } from "node:child_process";
import { constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Scope, temporaryDirectory } from "./scope.ts";

const PIPE_BYTES = 65_536;

/** File descriptors of both ends. */
export interface Pipe {
  readonly reader: number;
  readonly writer: number;
}

export function openPipe(scope: Scope): Pipe {
  const path = join(temporaryDirectory(scope), "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

export function fillPipe({ writer }: Pipe): void {
  writeSync(writer, `${"x".repeat(PIPE_BYTES - 1)}\n`);
}

/** Takes what is in the pipe now. */
export function readPipe({ reader }: Pipe): string {
  const bytes = Buffer.alloc(PIPE_BYTES);
  try {
    return bytes.toString("utf8", 0, readSync(reader, bytes));
  } catch {
    return "";
  }
}
