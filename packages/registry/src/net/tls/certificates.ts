/** @live TLS: certificates that are read again when their files change. */
import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { Server, ServerOptions } from "node:https";
import { dirname } from "node:path";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { ListenerLog } from "../log.ts";
import { sayWhy } from "../why.ts";
import { judgeValidity } from "./validity.ts";

export interface TlsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Who may have signed the certificates of clients. */
  readonly caFile?: string;
  /** `request`: verified by the handshake's end but not needed. `require`: no connection without a good one. */
  readonly clientCertificates?: "none" | "request" | "require";
  /** How often the files are looked at when the system tells nothing. */
  readonly pollMs?: number;
  /** How often it is looked whether certificates have expired or soon will. */
  readonly judgeMs?: number;
}

export interface Certificates {
  readonly serverOptions: ServerOptions;
  /** Gives this server each new certificate. */
  follow(server: Server): void;
  /** Reads the files again now. Answers whether they can be used; if not, the old certificate stays. */
  renew(): Promise<boolean>;
  close(): void;
}

/** Rejects with a sentence for people when a file cannot be read or does not hold what it should. */
export async function openCertificates(options: TlsOptions, log: ListenerLog): Promise<Certificates> {
  const first = await load(options);
  const clients = options.clientCertificates ?? "none";
  if (clients !== "none" && options.caFile === undefined)
    throw new Error("client certificates need the certificate authority's file to be checked against");
  return {
    serverOptions: { ...first, requestCert: clients !== "none", rejectUnauthorized: clients === "require" },
    ...followFiles(options, first, log),
  };
}

async function load(options: TlsOptions): Promise<SecureContextOptions> {
  const read = async (file: string, what: string): Promise<Buffer> => {
    try {
      return await readFile(file);
    } catch (error) {
      throw new Error(`the ${what} ${file} cannot be read: ${sayWhy(error)}`, { cause: error });
    }
  };
  const loaded: SecureContextOptions = {
    cert: await read(options.certFile, "certificate"),
    key: await read(options.keyFile, "private key"),
    ...(options.caFile === undefined ? {} : { ca: await read(options.caFile, "certificate authority") }),
    minVersion: "TLSv1.2",
  };
  try {
    // Throws when they are broken or do not belong together.
    createSecureContext(loaded);
  } catch (error) {
    throw new Error(`${options.certFile} and ${options.keyFile} are no usable pair: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return loaded;
}

const SETTLE_MS = 100;
const JUDGE_MS = 86_400_000;

/** Warns of certificates that are not valid now, or soon will not be. They are served: who trusts them still may. */
function warnOfValidity(options: TlsOptions, loaded: SecureContextOptions, log: ListenerLog): void {
  const files = [
    ["certificate", options.certFile, loaded.cert],
    ["certificate authority", options.caFile, loaded.ca],
  ] as const;
  for (const [what, file, pem] of files)
    for (const wrong of judgeValidity(String(pem ?? ""), Date.now()))
      log.warn({ file }, `the ${what} ${file} ${wrong}: renew it, it is read again by itself`);
}

function followFiles(
  options: TlsOptions,
  first: SecureContextOptions,
  log: ListenerLog,
): Omit<Certificates, "serverOptions"> {
  const files = [options.certFile, options.keyFile, ...(options.caFile === undefined ? [] : [options.caFile])];
  const watchers: FSWatcher[] = [];
  let poll: NodeJS.Timeout | undefined;
  let settle: NodeJS.Timeout | undefined;
  let judging: NodeJS.Timeout | undefined;
  let loaded = first;
  let seen = "";
  let followed: Server | undefined;
  const look = async (server: Server): Promise<void> => {
    const now = await fingerprint(files);
    if (now === seen) return;
    seen = now;
    await reload(server);
  };
  const reload = async (server: Server): Promise<boolean> => {
    try {
      loaded = await load(options);
      server.setSecureContext(loaded);
      log.info({ cert: options.certFile }, "certificate read again");
      warnOfValidity(options, loaded, log);
      return true;
    } catch (error) {
      log.error({ err: error, cert: options.certFile }, "new certificate not usable, the old one stays");
      return false;
    }
  };
  return {
    renew: async () => followed === undefined || (await reload(followed)),
    follow(server) {
      followed = server;
      warnOfValidity(options, loaded, log);
      judging = setInterval(() => warnOfValidity(options, loaded, log), options.judgeMs ?? JUDGE_MS).unref();
      // Certificate and key are two files: wait until both have been written.
      const soon = (): void => {
        clearTimeout(settle);
        settle = setTimeout(() => void look(server), SETTLE_MS);
      };
      void fingerprint(files).then((now) => {
        seen = now;
      });
      for (const folder of new Set(files.map((file) => dirname(file)))) {
        try {
          // The folder, not the file: renewals replace the file, and a watch on it would follow the old one.
          watchers.push(watch(folder, { persistent: false }, soon).on("error", () => {}));
        } catch (error) {
          log.warn({ err: error, folder }, "cannot watch the folder of the certificate, looking at it now and then");
        }
      }
      poll = setInterval(() => void look(server), options.pollMs ?? 30_000);
      poll.unref();
    },
    close() {
      clearInterval(poll);
      clearInterval(judging);
      clearTimeout(settle);
      for (const watcher of watchers) watcher.close();
    },
  };
}

async function fingerprint(files: readonly string[]): Promise<string> {
  const marks = files.map((file) =>
    stat(file).then(
      (s) => `${s.ino}/${s.size}/${s.mtimeMs}`,
      () => "gone",
    ),
  );
  return (await Promise.all(marks)).join(" ");
}
