import type { Command } from "commander";
import { stdout } from "../../terminal/streams.ts";
import { VERSION } from "../../version.ts";

export function defineVersion(program: Command): void {
  program
    .command("version")
    .summary("print the version")
    .description("Prints the version of this program.")
    .action(() => void stdout().write(versionLine()));
}

export function versionLine(): string {
  return `rollcall ${VERSION} (node ${process.versions.node})\n`;
}
