/** Conversations with a server: what was asked and what came of it, as bytes. */
import type { Scope } from "../harness/scope.ts";
import { pack } from "./codec.ts";
import { Client } from "./rig.ts";
import { CONVERSATIONS, meaningOf, type Op, Ranks, type Step } from "./talk.ts";

/** In hexadecimal: `>` a request without its length, `<` what came up to its answer, with the session that was asked in. */
export interface Conversation {
  readonly name: string;
  readonly session: string;
  readonly talk: readonly { readonly op: Op; readonly asked: string; readonly told: readonly string[] }[];
}

/** Asks a server all of it. */
export async function converse(scope: Scope, port: number): Promise<readonly Conversation[]> {
  const all: Conversation[] = [];
  for (const [name, steps] of Object.entries(CONVERSATIONS)) all.push(await say(scope, port, name, steps));
  return all;
}

export async function say(scope: Scope, port: number, name: string, steps: readonly Step[]): Promise<Conversation> {
  const client = await Client.open(scope, port, { timeoutMs: 30_000 });
  const talk: { op: Op; asked: string; told: readonly string[] }[] = [];
  for (const { op, body } of steps) {
    const before = client.frames.length;
    await client.ask(op, body);
    // Events of a change that was answered before may have come behind it.
    await client.ask("exists", pack("sb", "/", false));
    talk.push({
      op,
      asked: body.toString("hex"),
      told: client.frames.slice(before, -1).map((one) => one.toString("hex")),
    });
  }
  const session = client.greeting?.session ?? 0n;
  await client.ask("closeSession");
  return { name, session: String(session), talk };
}

/** What is the same at all servers. */
export function meaningsOf({ session, talk }: Conversation): readonly string[] {
  const ranks = new Ranks();
  return talk.flatMap(({ op, asked, told }) =>
    told.map((frame) =>
      meaningOf({ op, body: Buffer.from(asked, "hex") }, Buffer.from(frame, "hex"), ranks, BigInt(session)),
    ),
  );
}

/** As they are kept: a line for each step. */
export function writeConversations(conversations: readonly Conversation[]): string {
  const all = conversations.map(({ name, session, talk }) => {
    const steps = talk.map((one) => `    ${JSON.stringify(one)}`).join(",\n");
    return `  {"name":${JSON.stringify(name)},"session":"${session}","talk":[\n${steps}\n  ]}`;
  });
  return `[\n${all.join(",\n")}\n]\n`;
}
