import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { TransactionBody } from "@rollcall/client";
import type { Command } from "commander";
import { connect } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";

export function defineTransaction(program: Command): void {
  program
    .command("transaction [file]")
    .summary("change configuration keys all or none, under conditions")
    .description(
      'Runs a transaction over configuration keys, from a JSON file or standard input: {"guards":[…],"then":[…],"otherwise":[…]}, as docs/native-api.md has it. Prints the results as JSON. Exit code 1 when the guards did not hold.',
    )
    .action(async (file: string | undefined, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const answer = await client.config.transaction(parse(await read(file), file ?? "standard input"));
      out.document(answer);
      if (!answer.succeeded) throw new Failure(EXIT.refused, "the guards did not hold: the steps of `otherwise` ran");
    });
}

async function read(file: string | undefined): Promise<string> {
  if (file === undefined || file === "-") return text(process.stdin);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(EXIT.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
}

function parse(json: string, place: string): TransactionBody {
  try {
    return JSON.parse(json) as TransactionBody;
  } catch (error) {
    throw new Failure(EXIT.usage, `${place} is no JSON: ${(error as Error).message}`);
  }
}
