#!/usr/bin/env node
/**
 * The command line.
 *
 * @rooms rollcall > program > commands > doctor > serve > house > config > dialects > terminal > log > version
 */
import { versionLine } from "./commands/help/version.ts";
import { EXIT, toFailure } from "./terminal/exit.ts";

// A reader that closes the pipe ("| head") is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

async function run(argv: readonly string[]): Promise<void> {
  const first = argv[2];
  if (first === "--version" || first === "-V" || (first === "version" && argv.length === 3)) {
    process.stdout.write(versionLine());
    return;
  }
  // Loaded only now: a version is answered without the tree of commands.
  const { buildProgram, CommanderError } = await import("./program.ts");
  try {
    await buildProgram().parseAsync(argv as string[]);
  } catch (error) {
    // Commander has printed the mistake. Asking for help is none.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else fail(error);
  }
}

function fail(error: unknown): void {
  const failure = toFailure(error);
  process.stderr.write(`rollcall: ${failure.message}\n`);
  if (failure.hint !== undefined) process.stderr.write(`${failure.hint}\n`);
  process.exitCode = failure.code;
}

await run(process.argv);
