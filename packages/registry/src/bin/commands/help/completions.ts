/** Completion scripts, made from the command tree: a new command or flag is in them by itself. */
import { Argument, type Command, type Option } from "commander";
import { stdout } from "../../terminal/streams.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface Node {
  /** `config get`; "" for the program. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly Option[];
  readonly argumentChoices: readonly string[];
}

export function defineCompletions(program: Command): void {
  program
    .command("completions")
    .summary("print a completion script")
    .description("Prints a completion script for a shell. For bash: source <(rollcall completions bash)")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action((shell: Shell) => void stdout().write(completionScript(program, shell)));
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = collectNodes(program, "", []);
  return shell === "bash" ? toBash(nodes) : shell === "zsh" ? toZsh(nodes) : toFish(nodes);
}

/** Hidden commands and options are left out. */
function collectNodes(command: Command, path: string, inherited: readonly Option[]): Node[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const options = [...help.visibleOptions(command), ...inherited];
  const node: Node = {
    path,
    commands: children.map((child) => ({ name: child.name(), summary: child.summary() })),
    options,
    argumentChoices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  const passedOn = [...inherited, ...(path === "" ? command.options : [])];
  return [node, ...children.flatMap((child) => collectNodes(child, `${path} ${child.name()}`.trim(), passedOn))];
}

const FILE_OPTION = /<(file|dir|directory)>/;

function words(node: Node): string {
  const flags = node.options.flatMap((option) => [option.short, option.long]).filter((flag) => flag !== undefined);
  return [...node.commands.map((command) => command.name), ...node.argumentChoices, ...flags].join(" ");
}

/** Every option that takes a value, by its flags. */
function valued(nodes: readonly Node[]): Map<string, Option> {
  const found = new Map<string, Option>();
  // Where commands share a flag, the option that lists its values wins.
  for (const node of nodes)
    for (const option of node.options)
      for (const flag of [option.short, option.long])
        if (flag && (option.required || option.optional) && !found.get(flag)?.argChoices) found.set(flag, option);
  return found;
}

function toBash(nodes: readonly Node[]): string {
  const values = [...valued(nodes)].map(([flag, option]) => {
    if (option.argChoices)
      return `    ${flag}) COMPREPLY=($(compgen -W "${option.argChoices.join(" ")}" -- "$word")); return ;;`;
    const action = FILE_OPTION.test(option.flags) ? `COMPREPLY=($(compgen -f -- "$word")); return` : "return";
    return option.required ? `    ${flag}) ${action} ;;` : "";
  });
  const cases = nodes.map((node) => `    "${node.path}") words="${words(node)}" ;;`);
  return `# bash completion for rollcall
_rollcall() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" words="" i
  case "$before" in
${values.filter(Boolean).join("\n")}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " ${nodes
      .slice(1)
      .map((node) => node.path.replaceAll(" ", "_"))
      .join(" ")} " in
      *" \${path:+\${path}_}\${COMP_WORDS[i]} "*) path="\${path:+\${path}_}\${COMP_WORDS[i]}" ;;
    esac
  done
  case "\${path//_/ }" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _rollcall rollcall
`;
}

function toZsh(nodes: readonly Node[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
  const cases = nodes.map((node) => {
    const commands = node.commands.map((command) => `'${command.name}:${quote(command.summary)}'`);
    const choices = node.argumentChoices.map((choice) => `'${choice}'`);
    const options = node.options.flatMap((option) =>
      [option.short, option.long].filter(Boolean).map((flag) => `'${flag}:${quote(option.description)}'`),
    );
    return `    '${node.path}') names=(${[...commands, ...choices].join(" ")}); flags=(${options.join(" ")}) ;;`;
  });
  const values = [...valued(nodes)]
    .filter(([, option]) => option.argChoices || FILE_OPTION.test(option.flags))
    .map(
      ([flag, option]) =>
        `    ${flag}) ${option.argChoices ? `compadd -- ${option.argChoices.join(" ")}` : "_files"}; return ;;`,
    );
  return `#compdef rollcall
_rollcall() {
  # Not "commands" and "options": zsh has arrays of these names.
  local -a names flags
  local place='' i
  case "\${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  for ((i = 2; i < CURRENT; i++)); do
    case "\${place:+$place }\${words[i]}" in
      ${nodes
        .slice(1)
        .map((node) => `'${node.path}'`)
        .join("|")}) place="\${place:+$place }\${words[i]}" ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then _describe 'option' flags
  elif (( \${#names} )); then _describe 'command' names
  else _files
  fi
}
if [ "$funcstack[1]" = "_rollcall" ]; then _rollcall "$@"; else compdef _rollcall rollcall; fi
`;
}

function toFish(nodes: readonly Node[]): string {
  const quote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = nodes.flatMap((node) => {
    const when = `-n ${quote(`__rollcall_at ${node.path}`.trim())}`;
    const commands = node.commands.map(
      (command) => `complete -c rollcall -f ${when} -a ${command.name} -d ${quote(command.summary)}`,
    );
    const choices = node.argumentChoices.map((choice) => `complete -c rollcall -f ${when} -a ${choice}`);
    const options = node.options.map((option) => {
      const short = option.short ? ` -s ${option.short.slice(1)}` : "";
      const long = option.long ? ` -l ${option.long.slice(2)}` : "";
      const files = FILE_OPTION.test(option.flags) ? " -r -F" : option.required ? " -x" : "";
      const among = option.argChoices ? ` -a ${quote(option.argChoices.join(" "))}` : "";
      return `complete -c rollcall ${when}${short}${long}${files}${among} -d ${quote(option.description)}`;
    });
    return [...commands, ...choices, ...options];
  });
  const paths = nodes.slice(1).map((node) => quote(node.path));
  return `# fish completion for rollcall
function __rollcall_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$place $word")
    contains -- $next ${paths.join(" ")}; and set place $next
  end
  test "$place" = "$argv"
end
complete -c rollcall -f
${lines.join("\n")}
`;
}
