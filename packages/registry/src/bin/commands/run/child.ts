/** A command that runs under this one: it gets its signals, and this one ends as it does. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { EXIT, Failure } from "../../terminal/exit.ts";

/** How it ended, as shells say it: 128 and the signal's number where one ended it. */
type Code = number;

/** As shells: for a command that is not there, and one that may not be run. */
const MISSING = 127;
const FORBIDDEN = 126;

/** Sent on to the command; what it makes of them decides. */
const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/** After a polite word, before the last one. */
const END_MS = 10_000;

export class Child {
  /** Resolves when it has ended. */
  readonly ended: Promise<Code>;
  readonly #process: ChildProcess;
  #isOver = false;

  constructor([command, ...args]: readonly string[], env: NodeJS.ProcessEnv) {
    if (command === undefined) throw new Failure(EXIT.usage, "the command is missing: ... -- COMMAND");
    const child = spawn(command, args, { stdio: "inherit", env });
    this.#process = child;
    this.ended = new Promise((resolve) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        process.stderr.write(`rollcall: cannot run ${command}: ${error.message}\n`);
        resolve(error.code === "ENOENT" ? MISSING : FORBIDDEN);
      });
      child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals]));
    }).then((code) => {
      this.#isOver = true;
      return code as Code;
    });
  }

  send(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#process.kill(signal);
  }

  /** Resolves when it has ended: by SIGTERM, or SIGKILL where that is not heard for 10 s. */
  async end(): Promise<Code> {
    this.send("SIGTERM");
    const timer = setTimeout(() => this.send("SIGKILL"), END_MS);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }
}

/** Passes signals on to whichever child there is. `told` hears each; what it returns ends that. */
export function passSignals(child: () => Child | undefined, told: (signal: NodeJS.Signals) => void): () => void {
  const listeners = PASSED_ON.map((signal) => {
    const listener = (): void => {
      told(signal);
      // The terminal has told both of them.
      const isTyped = process.stdin.isTTY === true && (signal === "SIGINT" || signal === "SIGQUIT");
      if (!isTyped) child()?.send(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const end of listeners) end();
  };
}
