/** h2load with gRPC requests. */
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../host/child.ts";
import { frameMessage } from "../load/clients/protobuf.ts";
import { checkRate, type Rate, SLACK_MS, type Span } from "./rate.ts";

/** One fixed gRPC request over and over with h2load, by `streams` at a time on each connection. */
export async function runH2load(
  port: number,
  path: string,
  message: Buffer,
  span: Span,
  layout: { connections: number; streams: number; threads: number },
): Promise<Rate> {
  const file = join(tmpdir(), `rollcall-bench-${process.pid}.bin`);
  writeFileSync(file, frameMessage(message));
  try {
    const output = await runProgram(
      "h2load",
      "h2load",
      [
        ...["-D", String(span.measureMs / 1000), `--warm-up-time=${span.warmMs / 1000}`],
        ...[`-t${layout.threads}`, `-c${layout.connections}`, `-m${layout.streams}`],
        // Windows of 1 GiB: an answer never waits for the client to open one.
        ...["-w30", "-W30", "-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers"],
        `http://127.0.0.1:${port}${path}`,
      ],
      span.warmMs + span.measureMs + SLACK_MS,
    );
    const counts = /requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(output);
    const perSecond = Number(counts?.[1]) / (span.measureMs / 1000);
    return checkRate(`h2load ${path}`, { perSecond, errors: Number(counts?.[2] ?? 0) });
  } finally {
    rmSync(file, { force: true });
  }
}
