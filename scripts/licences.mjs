/** What packages that go into a bundle ask for: that their licences go with them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PROGRAM = "The program contains";
/** What is said of the pages. */
export const SIDE = "The pages contain";

/** The licence of each package that went in, as it asks for. */
export function licencesOf(root, inputs, what = PROGRAM) {
  const folders = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []));
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const file = readdirSync(join(root, folder)).find((one) => /^licen[cs]e(\.|$)/i.test(one));
    const own = inputs.filter((input) => input.startsWith(`${folder}/`));
    const text =
      file === undefined ? textWithout(root, folder, license, own) : readFileSync(join(root, folder, file), "utf8");
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return `${what} these packages.\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

/** Of a package that names a licence and has no file of it: our own text, when that is the same, and what files say at their head. */
function textWithout(root, folder, license, inputs) {
  if (!/\bApache-2\.0\b/.test(license)) throw new Error(`${folder} goes into the bundle and brings no licence`);
  const heads = inputs.map((input) => /^(?:\/\/.*\n)+/.exec(readFileSync(join(root, input), "utf8"))?.[0] ?? "");
  const others = new Set(
    heads.filter((head) => head.includes("Redistribution")).map((head) => head.replaceAll(/^\/\/ ?/gm, "")),
  );
  return [readFileSync(join(root, "LICENSE"), "utf8"), ...others].join("\n");
}
