/** @live One conversation with HAProxy's runtime socket. */
import { connect } from "node:net";

const TIMEOUT_MS = 5000;
/** A line that HAProxy takes has at most 16 KiB. */
const LINE_LENGTH_MAX = 8000;
/** Of an answer: a hundred thousand servers have some 20 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** The answers to these commands, in order, as one text. Rejects when the socket is gone or silent. */
export async function tellHaproxy(path: string, commands: readonly string[]): Promise<string> {
  let answers = "";
  for (const line of toLines(commands)) answers += await tell(path, line);
  return answers;
}

function toLines(commands: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const command of commands) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + command.length < LINE_LENGTH_MAX)
      lines[lines.length - 1] = `${last};${command}`;
    else lines.push(command);
  }
  return lines;
}

function tell(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const chunks: Buffer[] = [];
    let size = 0;
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`it did not answer within ${TIMEOUT_MS} ms`)));
    socket.on("connect", () => socket.write(`${line}\n`));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > ANSWER_BYTES_MAX) socket.destroy(new Error("its answer does not end"));
    });
    socket.on("error", reject);
    socket.on("end", () => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString("utf8"));
    });
    socket.on("close", () => reject(new Error("it closed the connection")));
  });
}
