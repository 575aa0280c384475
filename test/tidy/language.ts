/** What may stand in code: one shape of outcomes, one way to be private, nothing left for later. */
import { code, dialectsOf, found, isTest, REGISTRY, type Rule, sources, stripText } from "./files.ts";

/** Success or failure has one shape: outcome.ts. Values may be made anywhere, types only there. */
export const outcomesHaveOneShape: Rule = (files) =>
  sources(files)
    .filter(({ path }) => path.startsWith(REGISTRY) && path !== `${REGISTRY}outcome.ts`)
    .flatMap(({ path, text }) =>
      found(path, stripText(text), /readonly ok: false\b|\{ ok: false \}|^\s*ok: false;/, "say it with Outcome"),
    );

/** A constructor cannot begin with `#`. */
export const privacyHasOneSign: Rule = (files) =>
  code(files).flatMap(({ path, text }) =>
    found(
      path,
      stripText(text),
      /^\s*(private|protected|public) (?!constructor\()/,
      "members begin with # or are open",
    ),
  );

const FOREIGN = /^(znode|producer|application|vip|kv|eureka|consul|zookeeper|etcd)s?$/;

/** A protocol's nouns stay in its dialect; comments may compare. */
export const coreSpeaksPlainly: Rule = (files) =>
  files
    .filter(({ path }) => path.startsWith(`${REGISTRY}core/`) && path.endsWith(".ts") && !isTest(path))
    .flatMap(({ path, text }) => {
      const identifiers = new Set(stripText(text).match(/[A-Za-z_$][\w$]*/g) ?? []);
      return [...identifiers].filter(isForeign).map((word) => `${path}: ${word} belongs to a dialect`);
    });

function isForeign(identifier: string): boolean {
  const words = identifier.split(/(?<=[a-z0-9])(?=[A-Z])|_/).map((word) => word.toLowerCase());
  return words.some((word, index) => FOREIGN.test(word) || (word === "session" && words[index + 1] === "node"));
}

/** What every dialect has; a feature of one file may grow into a folder of that name. */
const DIALECT_ENTRIES = ["README.md", "dialect.ts", "server", "desk.ts", "wire/", "vectors/"];

export const dialectsLookAlike: Rule = (files) =>
  dialectsOf(files).flatMap((name) => {
    const folder = `${REGISTRY}dialects/${name}/`;
    const inside = files.map(({ path }) => path).filter((path) => path.startsWith(folder));
    const entries = new Set(inside.map((path) => path.slice(folder.length).replace(/\/.*/, "/")));
    const missing = DIALECT_ENTRIES.filter((entry) =>
      /[./]/.test(entry) ? !entries.has(entry) : !entries.has(`${entry}.ts`) && !entries.has(`${entry}/`),
    );
    return missing.map((entry) => `${folder}${entry} is missing`);
  });

export const everyRefusalHasAWord: Rule = (files) =>
  dialectsOf(files).flatMap((name) => {
    const folder = `${REGISTRY}dialects/${name}/`;
    const total = files.some(({ path, text }) => path.startsWith(folder) && /Record<\s*Refusal,/.test(text));
    return total ? [] : [`${folder}: no total table Record<Refusal, …>`];
  });

/** Rules of the linter may be suppressed for a reason; those on size may not. */
export const nothingIsLeftBehind: Rule = (files) =>
  code(files).flatMap(({ path, text }) => [
    ...found(path, text, /\b(TODO|FIXME|XXX)\b/, "left behind"),
    ...found(path, text, /@ts-(ignore|nocheck)/, "hides type errors"),
    ...found(path, text, /biome-ignore(-all)? lint\/[a-z]+\/noExcessive/, "split it instead"),
  ]);

export const testsNeverHide: Rule = (files) =>
  files
    .filter(({ path }) => path.endsWith(".test.ts") && !path.startsWith("test/tidy/"))
    .flatMap(({ path, text }) => [
      ...found(path, text, /\b(test|it|describe|suite)\.(only|skip|todo)\(/, "hides tests"),
      ...found(path, text, /\b(only|skip|todo): true\b/, "hides tests without a reason"),
      ...found(path, text, /\.skip\(\)/, "skips without a reason"),
    ]);

/** What a test requires is in the list that `npm test` installs. */
export const peersAreInstalled: Rule = (files) => {
  const list = files.find(({ path }) => path === "scripts/steps.mjs")?.text ?? "";
  return files
    .filter(
      ({ path }) =>
        path.endsWith(".test.ts") && path !== "test/harness/program.test.ts" && !path.startsWith("test/tidy/"),
    )
    .flatMap(({ path, text }) =>
      [...text.matchAll(/requirePackage\("([^"]+)", "([^"]+)"\)/g)]
        .filter(([, name, program]) => !list.includes(`{ name: "${name}", program: "${program}" }`))
        .map(([call]) => `${path}: ${call} is not in the list of scripts/steps.mjs`),
    );
};
