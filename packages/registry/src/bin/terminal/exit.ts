/** Exit codes, and the words for what went wrong. */
import type { RollcallError } from "@rollcall/client";
import { sayWhy } from "../../net/why.ts";

/** Documented in docs/cli.md and in the help; from this table. */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  store: 5,
  disk: 6,
  cut: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done",
  1: "refused by the registry, or failed",
  2: "wrong command, flag or configuration",
  3: "the registry is out of reach",
  4: "not found",
  5: "the store is damaged, foreign or in use, or the system does not let it be opened",
  6: "the disk failed under a running registry; start it again",
  7: "told twice to stop, and ended before the stop was done; nothing that was acknowledged is lost",
};

/** Ends a command with a sentence and an exit code. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: ExitCode;
  readonly hint: string | undefined;

  constructor(code: ExitCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Anything thrown -> a sentence, a hint and the exit code. Errors of the language are bugs: they keep their stack. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error)) return new Failure(EXIT.refused, String(error));
  // By name: the client and the store are loaded only by the commands that need them.
  if (error.name === "RollcallError") return fromRegistry(error as RollcallError);
  if (error.name === "StoreRefused") return new Failure(EXIT.store, error.message);
  if (error.name === "UpstreamRefused") return new Failure(EXIT.unreachable, error.message);
  if (error.name === "StartRefused") return new Failure(EXIT.usage, error.message);
  if (error.name === "SettingsRefused")
    return new Failure(EXIT.usage, `the configuration is not right\n  dialectSettings: ${error.message}`, SETTINGS);
  if (error.name === "PortTaken") return new Failure(EXIT.refused, error.message, OTHER_PORT);
  if ("syscall" in error) return new Failure(EXIT.refused, toSentence(error as NodeJS.ErrnoException));
  return new Failure(EXIT.refused, error.constructor === Error ? error.message : (error.stack ?? error.message));
}

function toSentence(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? sayWhy(error) : `cannot ${error.syscall} ${error.path}: ${sayWhy(error)}`;
}

const SETTINGS = "Every setting of a dialect: src/dialects/<dialect>/README.md of the package @rollcall/registry";
const SERVE =
  process.env.npm_lifecycle_event === "start"
    ? "npm start --"
    : `rollcall ${process.argv.includes("agent") ? "agent" : "serve"}`;
const OTHER_PORT = `Stop that program, or choose another port: ${SERVE} --http-port 7171, or --<dialect>-port for one of a dialect's own.`;

const UNSURE = "It may be done all the same: look before you try again.";
const BEGINS_WITH_HTTPS = "If it speaks TLS, its URL begins with https://.";

function fromRegistry(error: RollcallError): Failure {
  if (error.unsure)
    return new Failure(error.code === "unreachable" ? EXIT.unreachable : EXIT.refused, error.message, UNSURE);
  if (error.code === "unreachable") return new Failure(EXIT.unreachable, error.message, hintOf(error.message));
  if (error.code === "not-found") return new Failure(EXIT.notFound, error.message);
  if (error.code === "invalid" && / speaks TLS/.test(error.message))
    return new Failure(EXIT.unreachable, `the registry is out of reach: ${error.message}`, BEGINS_WITH_HTTPS);
  if (error.code === "invalid" && error.status === 0) return new Failure(EXIT.usage, error.message);
  return new Failure(EXIT.refused, error.message, hintOfRefusal(error));
}

function hintOfRefusal({ code, status }: RollcallError): string | undefined {
  if (code === "bad-answer")
    return "Is this the native port of a registry (7070 unless configured), and not a dialect's?";
  return status === 401 || status === 403 ? "Give a token with --token or ROLLCALL_TOKEN." : undefined;
}

function hintOf(message: string): string {
  if (/certificate/.test(message))
    return "Name the authority of its certificate with --ca, your own with --client-cert and --client-key.";
  if (/speaks no TLS/.test(message)) return "Its URL begins with http://, or it is another program.";
  if (/other side closed|socket hang up|ECONNRESET/.test(message)) return BEGINS_WITH_HTTPS;
  return "Is it running? Start one with: rollcall serve";
}
