/** All commands, put together. What a command needs beyond its flags is loaded when it runs. */
import { Command, CommanderError, Help } from "commander";
import { defineAdmin } from "./commands/admin.ts";
import { defineCatalog } from "./commands/catalog.ts";
import { defineConfig } from "./commands/config.ts";
import { defineDoctor } from "./commands/doctor.ts";
import { defineExplain } from "./commands/explain.ts";
import { defineEvents } from "./commands/follow/events.ts";
import { defineHooks } from "./commands/follow/hooks.ts";
import { definePast } from "./commands/follow/past.ts";
import { defineWatch } from "./commands/follow/watch.ts";
import { defineHealth } from "./commands/health.ts";
import { defineCompletions } from "./commands/help/completions.ts";
import { defineReference } from "./commands/help/reference.ts";
import { defineVersion } from "./commands/help/version.ts";
import { defineLeases } from "./commands/leases.ts";
import { defineBackup } from "./commands/moving/backup.ts";
import { defineImport } from "./commands/moving/import.ts";
import { defineOperate } from "./commands/operate.ts";
import { defineRegister } from "./commands/register.ts";
import { defineAgent } from "./commands/run/agent.ts";
import { defineExec } from "./commands/run/exec.ts";
import { defineLock } from "./commands/run/lock.ts";
import { defineServe } from "./commands/run/serve.ts";
import { defineTransaction } from "./commands/transaction.ts";
import { addGlobalOptions } from "./terminal/connection.ts";
import { EXIT_MEANINGS } from "./terminal/exit.ts";
import { stderr, stdout } from "./terminal/streams.ts";

export { CommanderError };

export function buildProgram(): Command {
  const program = new Command("rollcall")
    .description("A service registry that every client already speaks.")
    .usage("<command> [options]")
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false, minWidthToWrap: 24, subcommandTerm });
  addGlobalOptions(program);
  program.commandsGroup("Run a registry:");
  defineServe(program);
  defineAgent(program);
  program.commandsGroup("Services:");
  defineRegister(program);
  defineCatalog(program);
  defineExplain(program);
  defineHealth(program);
  defineOperate(program);
  program.commandsGroup("Changes:");
  defineWatch(program);
  defineEvents(program);
  definePast(program);
  defineHooks(program);
  program.commandsGroup("Configuration and leases:");
  defineConfig(program);
  defineTransaction(program);
  defineLeases(program);
  program.commandsGroup("Programs:");
  defineLock(program);
  defineExec(program);
  program.commandsGroup("Administration:");
  defineAdmin(program);
  defineBackup(program);
  defineImport(program);
  defineDoctor(program);
  program.commandsGroup("Other:");
  defineCompletions(program);
  defineVersion(program);
  defineReference(program);
  program.addHelpCommand("help [command]", "show the help of a command");
  program.addHelpText("after", () => `\nExit codes:\n${exitLines().join("\n")}`);
  explainErrors(program, "rollcall");
  return program;
}

const { subcommandTerm: wholeTerm } = Help.prototype;

/** The overview has names alone: with arguments beside them the sentences would not fit a terminal. */
function subcommandTerm(command: Command): string {
  return command.parent?.parent ? wholeTerm(command) : command.name();
}

function exitLines(): string[] {
  return Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code}  ${meaning}`);
}

/** A wrong flag or command is answered with the usage line of the command it was given to. */
function explainErrors(command: Command, path: string): void {
  command.configureOutput({
    writeOut: (text) => void stdout().write(text),
    writeErr: (text) => void stderr().write(text),
    outputError: (text, write) => write(text.replace(/^error: /, "rollcall: ")),
  });
  command.showHelpAfterError(`Usage: ${path} ${command.usage()}\nMore: ${path} --help`);
  for (const child of command.commands) {
    child.addHelpText("after", "\nOptions of every command (--url, --account, --token, --output): rollcall --help");
    explainErrors(child, `${path} ${child.name()}`);
  }
}
