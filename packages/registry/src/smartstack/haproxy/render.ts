/** HAProxy's configuration: as text, and what of its slots can be read from a text of ours. Pure. */
import { createHash } from "node:crypto";
import type { HaproxyConfig, ProxiedService } from "../config.ts";
import { plain, type Slot } from "./slots.ts";

/** A service as it stands in the configuration. */
export interface Laid {
  readonly name: string;
  readonly haproxy: ProxiedService;
  readonly slots: readonly Slot[];
}

const HEAD = "# Written by rollcall agent; changes made here are lost.";
const BETWEEN = "\n\n";
const SHARED = "frontend shared-frontend";

/** In pieces: of a thousand services it is long. */
export function render(config: HaproxyConfig, services: readonly Laid[]): readonly string[] {
  const sections = [...headOf(config, services), ...services.flatMap((laid) => madeOf(laid).sections)];
  return sections.map((section, at) => `${section}${at + 1 === sections.length ? "\n" : BETWEEN}`);
}

function headOf(config: HaproxyConfig, services: readonly Laid[]): readonly string[] {
  const shared = [...config.shared, ...services.flatMap(({ haproxy }) => haproxy.shared)];
  return [
    HEAD,
    section("global", config.global),
    section("defaults", config.defaults),
    ...Object.entries(config.sections).map(([head, lines]) => section(head, lines)),
    ...(shared.length === 0 ? [] : [section(SHARED, shared)]),
  ];
}

/** What tells two texts, or two structures, apart. */
export interface Digests {
  readonly text: string;
  /**
   * The same of two that differ in nothing but who is in the slots: the runtime socket can lead from one to the other.
   */
  readonly structure: string;
}

interface Made extends Digests {
  readonly sections: readonly string[];
}

/** Of a thousand services one changes: the others are not made again. */
const made = new WeakMap<Laid, Made>();

function madeOf(laid: Laid): Made {
  const known = made.get(laid);
  if (known !== undefined) return known;
  const sections = toSections(laid);
  const fresh = { sections, ...digestsOfAll(sections) };
  made.set(laid, fresh);
  return fresh;
}

export function digestsOf(config: HaproxyConfig, services: readonly Laid[]): Digests {
  const all = [digestsOfAll(headOf(config, services)), ...services.map(madeOf)];
  return {
    text: digest(all.map(({ text }) => text).join("")),
    structure: digest(all.map(({ structure }) => structure).join("")),
  };
}

/** Of a text that was rendered the same as of what it was rendered from. */
export function digestsOfText(text: string): Digests {
  const { text: whole, structure } = digestsOfAll(text.replace(/\n$/, "").split(BETWEEN));
  return { text: digest(whole), structure: digest(structure) };
}

function digestsOfAll(sections: readonly string[]): Digests {
  const blanked = sections.map((section) => section.replace(new RegExp(SERVER, "gm"), "\tserver $1$4 $5"));
  return { text: sections.map(digest).join(""), structure: blanked.map(digest).join("") };
}

function digest(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}

function toSections({ name, haproxy, slots }: Laid): readonly string[] {
  const { port, bindAddress, bindOptions, backendName } = haproxy;
  const bind = `bind ${bindAddress}${bindAddress.startsWith("/") ? "" : `:${port}`} ${bindOptions}`.trim();
  const hasFrontend = port !== 0 || bindAddress.startsWith("/");
  const frontend = section(`frontend ${name}`, [...haproxy.frontend, bind, `default_backend ${backendName}`]);
  const isSticky = haproxy.backend.some((line) => /^\s*cookie\s/.test(line));
  const servers = slots.map((slot, at) => toLine(slot, at + 1, isSticky));
  return [...(hasFrontend ? [frontend] : []), section(`backend ${backendName}`, [...haproxy.backend, ...servers])];
}

/** A server that drains begins without weight: drains are told by the socket only. */
function toLine({ name, id, address, port, weight, options, state }: Slot, number: number, isSticky: boolean): string {
  const cookie = isSticky ? ` cookie ${name}` : "";
  const place = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const words = options === "" ? "" : ` ${options}`;
  const off = state === "maint" ? " disabled" : "";
  return `server ${name} ${place} id ${number}${cookie}${words} weight ${state === "drain" ? 0 : weight}${off} # ${plain(id)}`;
}

function section(head: string, lines: readonly string[]): string {
  return [head, ...lines.map((line) => `\t${line}`)].join("\n");
}

const SERVER =
  /^\tserver (s\d+) \[?([0-9A-Fa-f.:]+?)\]?:(\d+) id \d+( cookie s\d+)?(?: (.*?))? weight (\d+)( disabled)? # (.*)$/;

export function isOurs(text: string): boolean {
  return text.startsWith(HEAD);
}

/** The slots of each backend in a text that `render` made; none of any other text. */
export function slotsOf(text: string): ReadonlyMap<string, readonly Slot[]> {
  const found = new Map<string, Slot[]>();
  if (!isOurs(text)) return found;
  let slots: Slot[] = [];
  for (const line of text.split("\n")) {
    const name = /^backend (\S+)$/.exec(line)?.[1];
    if (name !== undefined) {
      slots = [];
      found.set(name, slots);
    }
    const server = SERVER.exec(line);
    if (server !== null) slots.push(toSlot(server));
  }
  return found;
}

function toSlot([, name = "", address = "", port, , options = "", weight, disabled, id = ""]: RegExpExecArray): Slot {
  const state = disabled === undefined ? "ready" : "maint";
  return { name, id, address, port: Number(port), weight: Number(weight), options, state };
}
