/** Stdout and stderr of a command. `serve` never touches Node's own, which would wait for their readers. */
import { Lines, openDescriptor } from "../log/lines.ts";
import { EXIT, toFailure } from "./exit.ts";

/** How long a full pipe may keep the last words waiting. */
const LAST_WORDS_MS = 1000;

let listening = false;

/** A reader that closes the pipe ("| head") is no error; a full disk is one. */
export function stdout(): NodeJS.WriteStream {
  if (!listening) {
    listening = true;
    process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
      if (code === "EPIPE") process.exit(EXIT.ok);
      void complain(new Error(`the output cannot be written: ${message}`)).then(() => process.exit());
    });
  }
  return process.stdout;
}

/** For a command whose work is not its output: it goes on when nobody reads that. */
export function outliveReaders(): void {
  stdout()
    .removeAllListeners("error")
    .on("error", () => {});
}

let told = false;

/** Notes for people: when nobody is left to be told, they are not. */
export function stderr(): NodeJS.WriteStream {
  if (!told) process.stderr.on("error", () => {});
  told = true;
  return process.stderr;
}

/** Says what went wrong and sets the exit code. */
export async function complain(error: unknown): Promise<void> {
  const failure = toFailure(error);
  process.exitCode = failure.code;
  const words = new Lines(openDescriptor(2));
  words.write(`rollcall: ${failure.message}\n`);
  if (failure.hint !== undefined) words.write(`${failure.hint}\n`);
  await words.close(LAST_WORDS_MS);
}
