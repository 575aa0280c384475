import type { HookBody } from "@rollcall/client";
import type { Command } from "commander";
import { type Context, connect, inAccount } from "../../terminal/connection.ts";
import { collect } from "../../terminal/flags.ts";
import { type Cell, toAge } from "../../terminal/output.ts";
import { collectType } from "./events.ts";

interface SetFlags {
  readonly type?: string[];
  readonly service?: string[];
  readonly secret?: string;
}

export function defineHooks(program: Command): void {
  const hooks = program
    .command("hooks")
    .summary("list, set or remove hooks")
    .description("Hooks: URLs to which the registry posts the account's events, signed and in order.");
  hooks
    .command("list", { isDefault: true })
    .summary("list hooks")
    .description("Lists hooks, with what is wrong with those that are not taken.")
    .action(async (_flags: object, self: Command) => listHooks(await connect(self)));
  hooks
    .command("set <hook> <url>")
    .summary("have events posted to a URL")
    .description(
      "Has events posted to a URL from now on, or changes what is posted and where. Prints the secret by which posts are signed, when it was made now: it is told this once.",
    )
    .option("--type <type>", "only this type, such as instance.expired (repeatable)", collectType)
    .option("--service <service>", "only of this service's instances (repeatable)", collect)
    .option("--secret <secret>", "the secret to sign with, instead of one that is made")
    .action(async (hook: string, url: string, flags: SetFlags, self: Command) => {
      const { client, out } = await connect(self);
      const { type, service, secret } = flags;
      const body = await client.hooks.put(hook, {
        url,
        ...(type && { types: type }),
        ...(service && { services: service }),
        ...(secret !== undefined && { secret }),
      });
      if (out.json) return out.document(body);
      if (body.secret !== undefined) out.line(body.secret);
      out.note(`events go to ${body.url}`);
    });
  hooks
    .command("remove <hook>")
    .summary("remove a hook")
    .description("Removes a hook. Exit code 4 when it is not there.")
    .action(async (hook: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const answer = await client.hooks.remove(hook);
      if (out.json) out.document(answer);
      else out.line(`${hook} removed (revision ${answer.revision})`);
    });
}

async function listHooks(context: Context): Promise<void> {
  const body = await context.client.hooks.list();
  if (context.out.json) return context.out.document(body);
  const nowMs = Date.now();
  context.out.table(
    [{ title: "hook", whole: true }, { title: "url" }, { title: "types" }, { title: "services" }, { title: "state" }],
    body.hooks.map((one): Cell[] => [
      one.hook,
      one.url,
      one.types.join(" ") || "all",
      one.services.join(" ") || "all",
      stateOf(one, nowMs),
    ]),
    `no hooks${inAccount(context)}`,
  );
}

function stateOf({ failing }: HookBody, nowMs: number): Cell {
  if (failing === null) return "taken";
  return { text: `not taken for ${toAge(failing.since, nowMs)}: ${failing.reason}`, tone: "bad" };
}
