/** What is said of an instance's health: by an operator, who is believed before all others, and by a check. */
import type { Status } from "@rollcall/client";
import { Argument, type Command } from "commander";
import { type Context, connect } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { STATUSES } from "../terminal/flags.ts";

export function defineHealth(program: Command): void {
  program
    .command("override <service> <id>")
    .summary("overrule an instance's status")
    .description(
      "Gives an instance a status that counts whatever it and its checks say, until --clear takes it back. Exit code 4 when the instance is not there.",
    )
    .addArgument(new Argument("[status]", "the status").choices(STATUSES))
    .option("--clear", "take the override back instead")
    .option("--reason <text>", "why, for those who look at it later")
    .option("--for <time>", "it ends by itself after this, such as 30m")
    .action(async (service: string, id: string, status: Status | undefined, flags: OverrideFlags, self: Command) => {
      if ((status === undefined) !== (flags.clear === true))
        throw new Failure(EXIT.usage, "give a status, or --clear to take the override back");
      await override(await connect(self), { service, id }, status ?? null, flags);
    });
  program
    .command("drain <service> <id>")
    .summary("take an instance out of rotation, and leave it registered")
    .description(
      "Overrides an instance's status with draining: it stays registered, and no client is sent to it. --undo puts it back.",
    )
    .option("--undo", "put it back into rotation")
    .option("--reason <text>", "why, for those who look at it later")
    .option("--for <time>", "it goes back by itself after this, such as 30m")
    .action(async (service: string, id: string, flags: OverrideFlags & { undo?: boolean }, self: Command) =>
      override(await connect(self), { service, id }, flags.undo ? null : "draining", flags),
    );
  program
    .command("report <service> <id> <check>")
    .summary("report the result of a check")
    .description("Reports the result of one check of an instance. Exit code 4 when the instance is not there.")
    .addArgument(new Argument("<status>", "the result").choices(STATUSES))
    .argument("[output]", "what the check said")
    .action((service: string, id: string, check: string, status: Status, output: string | undefined, _flags, self) =>
      report(self, { service, id, check, status, output }),
    );
}

interface Report {
  readonly service: string;
  readonly id: string;
  readonly check: string;
  readonly status: Status;
  readonly output: string | undefined;
}

async function report(command: Command, { service, id, check, status, output }: Report): Promise<void> {
  const { client, out } = await connect(command);
  const answer = await client.report(service, id, check, { status, ...(output !== undefined && { output }) });
  if (out.json) out.document(answer);
  else out.line(`check ${check} of ${service}/${id} is ${status} (revision ${answer.revision})`);
}

interface OverrideFlags {
  readonly clear?: boolean;
  readonly reason?: string;
  readonly for?: string;
}

async function override(
  { client, out }: Context,
  { service, id }: { readonly service: string; readonly id: string },
  status: Status | null,
  { reason, for: ttl }: OverrideFlags,
): Promise<void> {
  const more = { ...(reason !== undefined && { reason }), ...(ttl !== undefined && { ttl }) };
  const answer = await client.override(service, id, status, more);
  if (out.json) return out.document(answer);
  const now = status ?? (await client.instance(service, id))?.status;
  const what = status === null ? `is no longer overridden: ${now ?? "gone"}` : `is ${now}, whatever it says`;
  out.line(`${service}/${id} ${what} (revision ${answer.revision})`);
}
