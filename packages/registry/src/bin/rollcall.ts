#!/usr/bin/env node
/**
 * The command line.
 *
 * @rooms rollcall > program > commands > doctor > serve > signals > embed > house > config > layouts > dialects > terminal > log > version
 */
import { versionLine } from "./commands/help/version.ts";
import { EXIT } from "./terminal/exit.ts";
import { complain, stdout } from "./terminal/streams.ts";

async function run(argv: readonly string[]): Promise<void> {
  const first = argv[2];
  if (first === "--version" || first === "-V" || (first === "version" && argv.length === 3)) {
    stdout().write(versionLine());
    return;
  }
  let program: typeof import("./program.ts") | undefined;
  try {
    // Loaded only now: a version is answered without the tree of commands.
    program = await import("./program.ts");
    await program.buildProgram().parseAsync(argv as string[]);
  } catch (error) {
    // Commander has printed the mistake. Asking for help is none.
    if (program !== undefined && error instanceof program.CommanderError)
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else await complain(error);
  }
}

await run(process.argv);
