/** What pages and comments cite is there; what STYLE.md asks for is enforced. */
import { commentsOf, dialectsOf, found, pages, REGISTRY, type Rule, resolvePath, type TextFile } from "./files.ts";

/** Every relative link of every page leads somewhere. */
export const linksResolve: Rule = (files) => {
  const known = new Set(files.flatMap(({ path }) => [path, ...parentsOf(path)]));
  return pages(files).flatMap((page) =>
    linksOf(page.text).flatMap((link) => {
      const [target = "", anchor] = link.split("#");
      const path = target === "" ? page.path : resolvePath(page.path, decodeURI(target)).replace(/\/$/, "");
      if (!known.has(path)) return [`${page.path}: the link ${link} leads nowhere`];
      const text = files.find((file) => file.path === path)?.text;
      const dangling = anchor && text !== undefined && path.endsWith(".md") && !anchorsOf(text).has(anchor);
      return dangling ? [`${page.path}: the link ${link} names no heading`] : [];
    }),
  );
};

function linksOf(text: string): string[] {
  const prose = withoutBlocks(text).replace(/`[^`\n]*`/g, "``");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
  return links.filter((link) => !/^[a-z]+:/i.test(link));
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "");
}

function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) => match[1] ?? "");
  return new Set(headings.map((heading) => toAnchor(heading)));
}

function toAnchor(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "");
  return kept.trim().replace(/ /g, "-");
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** A file as comments and pages cite it, with as much of its path as they like: `wheel.ts`, `leases/wheel.ts`. */
const CITED = /(?<![\w/.<*…-])(?:[\w.-]+\/)*[\w-][\w.-]*\.(?:ts|mjs|md)\b(?![\w/(])/g;

/** Files that comments and pages of the core name are there. What changed has its say in CHANGELOG.md and in decisions. */
export const citationsHold: Rule = (files) => {
  const endings = new Set(files.flatMap(({ path }) => endingsOf(path)));
  return files
    .filter(({ path }) => !path.startsWith("test/tidy/") && path !== "CHANGELOG.md")
    .flatMap(({ path, text }) => {
      const said = /\.(ts|mjs)$/.test(path) ? commentsOf(text) : path.endsWith(".md") ? codeWords(text) : [];
      const cited = said.flatMap((one) => [...one.matchAll(CITED)].map(([name]) => name));
      return cited.filter((name) => !endings.has(name)).map((name) => `${path}: ${name} is not in the repository`);
    });
};

function endingsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(index).join("/"));
}

function codeWords(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, word = ""]) => word);
}

/** Every noun of the core's door is in the word list of ARCHITECTURE.md, and no other is. */
export const wordsAreListed: Rule = (files) => {
  const page = files.find(({ path }) => path === "ARCHITECTURE.md")?.text ?? "";
  const [, list = ""] = /^## Words$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page) ?? [];
  const words = [...list.matchAll(/^\|([^|]*)\|/gm)].flatMap(([, cell = ""]) => codeWords(cell));
  const nouns = nounsOf(`${REGISTRY}core/index.ts`, files);
  return [
    ...nouns.filter((noun) => !words.includes(noun)).map((noun) => `ARCHITECTURE.md: no word for the core's ${noun}`),
    ...words.filter((word) => !nouns.includes(word)).map((word) => `ARCHITECTURE.md: ${word} is no noun of the core`),
  ];
};

/** The types that a door passes on; options are no nouns. */
function nounsOf(door: string, files: readonly TextFile[]): string[] {
  const text = files.find(({ path }) => path === door)?.text ?? "";
  const passed = [...text.matchAll(/^export (?:type )?(\*|\{[^}]*\}) from "([^"]+)";/gm)];
  const nouns = passed.flatMap(([, names = "", target = ""]) => {
    const from = files.find(({ path }) => path === resolvePath(door, target))?.text ?? "";
    const declared = [...from.matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(([, name = ""]) => name);
    return declared.filter((name) => names === "*" || new RegExp(`\\b${name}\\b`).test(names));
  });
  return nouns.filter((noun) => !noun.endsWith("Options"));
}

export const decisionsAreNumbered: Rule = (files) => {
  const paths = files.map(({ path }) => path).filter((path) => path.startsWith("docs/decisions/"));
  const numbers = new Set<string>();
  return paths.flatMap((path) => {
    const number = /^docs\/decisions\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1];
    if (number === undefined) return [`${path}: decisions are named NNNN-title.md`];
    if (numbers.has(number)) return [`${path}: ${number} is taken`];
    numbers.add(number);
    return [];
  });
};

export const readmeListsDialects: Rule = (files) => {
  const readme = files.find(({ path }) => path === "README.md")?.text ?? "";
  const missing = dialectsOf(files).filter((name) => !new RegExp(`^\\|[ \`[]*${name}\\b`, "m").test(readme));
  return missing.map((name) => `README.md: its table has no line for the dialect ${name}`);
};

// In parts, so that this file does not break the rule itself.
const MACHINE = new RegExp(
  [
    "/ro" + "ot/",
    "/ho" + "me/[a-z]",
    "/Use" + "rs/[a-z]",
    "/wo" + "rk/",
    "registry\\.np" + "mjs",
    "artifact" + "ory",
  ].join("|"),
);

export const noMachineIsNamed: Rule = (files) =>
  files.flatMap(({ path, text }) => found(path, text, MACHINE, "names a machine or its package registry"));

/** Every line of STYLE.md ends with the test that enforces it: `… — test name`. */
export function styleIsEnforced(tests: readonly string[]): Rule {
  return (files) => {
    const style = files.find(({ path }: TextFile) => path === "STYLE.md")?.text;
    if (style === undefined) return ["STYLE.md is missing"];
    const lines = style.split("\n").filter((line) => line.startsWith("- "));
    return lines.flatMap((line) => {
      const name = /— \*([^*]+)\*$/.exec(line)?.[1];
      if (name === undefined) return [`STYLE.md: no test is named in: ${line}`];
      return tests.includes(name) ? [] : [`STYLE.md: there is no test "${name}"`];
    });
  };
}
