/** dnsperf: DNS questions over UDP, the same way for every server. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child, readOutput, runProgram } from "../host/child.ts";
import type { QuestionType } from "../load/clients/dns.ts";
import { toAddressName, toServiceName, toSrvName } from "../load/dns/names.ts";
import { checkRate, type Rate, type Span } from "./rate.ts";

/** Sockets, so that a server with several workers is asked through all of them. */
const CLIENTS = 16;
/** Under way at once. More would overflow the socket's buffer in the kernel, which takes about 250 questions. */
const OUTSTANDING = 100;
/** A question without an answer holds its place for so long. */
const TIMEOUT_S = 2;
const SLACK_MS = 15_000;

export interface DnsLoad {
  port: number;
  /** Where the list of questions is written. */
  dir: string;
  services: number;
  type: QuestionType;
  edns: boolean;
}

/** All names once, in an order that looks like chance but is the same in each run. */
function writeQuestions({ dir, services, type }: DnsLoad): string {
  const toName = type === "SRV" ? toSrvName : toAddressName;
  let seed = 1;
  const lines = Array.from({ length: services }, (_, service) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return { place: seed, line: `${toName(toServiceName(service))} ${type}` };
  });
  lines.sort((a, b) => a.place - b.place);
  const path = join(dir, `questions-${type}`);
  writeFileSync(path, `${lines.map(({ line }) => line).join("\n")}\n`);
  return path;
}

function toArguments(load: DnsLoad, seconds: number): string[] {
  return [
    ...["-s", "127.0.0.1", "-p", String(load.port), "-d", writeQuestions(load), "-l", String(seconds)],
    ...["-c", String(CLIENTS), "-T", "1", "-q", String(OUTSTANDING), "-t", String(TIMEOUT_S)],
    ...(load.edns ? ["-e"] : []),
  ];
}

/** What dnsperf says at its end. An answer other than NOERROR is an error; a lost one is not. */
export function readDnsperf(output: string): Rate {
  const read = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const sent = read(/Queries sent: +(\d+)/);
  const completed = read(/Queries completed: +(\d+)/);
  const well = Number(/Response codes: .*?NOERROR (\d+)/.exec(output)?.[1] ?? 0);
  const perSecond = read(/Queries per second: +([\d.]+)/);
  const lost = read(/Queries lost: +(\d+)/);
  return checkRate("dnsperf", { perSecond, errors: completed - well, lostPercent: (100 * lost) / sent });
}

async function runOnce(load: DnsLoad, ms: number): Promise<Rate> {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return readDnsperf(await runProgram("dnsperf", "dnsperf", toArguments(load, seconds), ms + SLACK_MS));
}

/** Runs dnsperf twice: to warm up, then to measure. */
export async function runDnsperf(load: DnsLoad, span: Span): Promise<Rate> {
  if (span.warmMs > 0) await runOnce(load, span.warmMs);
  return runOnce(load, span.measureMs);
}

/** Runs something while dnsperf asks as fast as it can; answers dnsperf's rate as well. */
export async function runUnderDnsperf<T>(load: DnsLoad, msMax: number, work: () => Promise<T>): Promise<[T, Rate]> {
  const child = new Child("dnsperf", "dnsperf", toArguments(load, Math.ceil(msMax / 1000)));
  const output = readOutput(child);
  try {
    const done = await work();
    if (child.ended) throw child.fail("ended before the work that it was to disturb");
    // It ends at an interrupt with all of its numbers.
    await child.stop("SIGINT");
    return [done, readDnsperf(await output)];
  } finally {
    await child.stop();
  }
}
