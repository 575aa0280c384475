/**
 * XML as a tree of texts: elements, attributes, text, CDATA. No DOCTYPE, so no entities but the five that XML itself
 * defines; limits on depth, elements and attributes hold while reading. Every step goes forward: the time is linear in
 * the body.
 */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { DEPTH_MAX, type Tree } from "./tree.ts";
import { fromElementName, isLegal, resolveReferences } from "./xml-text.ts";

export interface XmlDocument {
  /** The name of its root. */
  readonly root: string;
  readonly tree: Tree;
}

const ATTRIBUTES_MAX = 32;
/** The attributes that Eureka knows. */
const MEANT: ReadonlySet<string> = new Set(["class", "enabled"]);
const NAME_LENGTH_MAX = 1024;
/** Elements that stand for one entry of a list; of any other, the last counts. */
const LISTED: ReadonlySet<string> = new Set(["application", "instance"]);
/** Latin1 and beyond are all taken for letters. */
const NAME = /[A-Za-z_:\u00c0-\uffff][\w:.\-\u00b7-\uffff]*/y;
const SPACE = /[ \t\n]*/y;

export function scanXml(body: Buffer, elementsMax: number): Outcome<XmlDocument> {
  const text = decode(body);
  if (text === undefined) return refuse("invalid", "the encoding is not UTF-8");
  if (!isLegal(text)) return refuse("invalid", "a character that XML does not have");
  return new Scanner(text.replaceAll("\r\n", "\n").replaceAll("\r", "\n"), elementsMax).document();
}

function decode(body: Buffer): string | undefined {
  const head = body.toString("latin1", 0, 200);
  const said = /^(?:\xef\xbb\xbf)?<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.-]{1,40})["']/.exec(head)?.[1];
  const encoding = said?.toLowerCase() ?? "utf-8";
  if (encoding === "iso-8859-1") return body.toString("latin1");
  if (encoding !== "utf-8" && encoding !== "utf8" && encoding !== "us-ascii") return undefined;
  return body.toString("utf8", head.startsWith("\xef\xbb\xbf") ? 3 : 0);
}

/** An element that is not closed yet. */
interface Open {
  /** As written. */
  readonly name: string;
  readonly members: Map<string, Tree>;
  text: string;
  children: boolean;
}

/** Methods answer false where something is wrong; `#detail` then says what. */
class Scanner {
  readonly #text: string;
  readonly #open: Open[] = [];
  #left: number;
  #at = 0;
  #detail = "";
  #root: XmlDocument | undefined;

  constructor(text: string, elementsMax: number) {
    this.#text = text;
    this.#left = elementsMax;
  }

  document(): Outcome<XmlDocument> {
    while (this.#at < this.#text.length) if (!this.#step()) return refuse("invalid", this.#detail);
    if (this.#root === undefined || this.#open.length > 0) return refuse("invalid", "the body ends too early");
    return ok(this.#root);
  }

  #step(): boolean {
    const text = this.#text;
    const at = this.#at;
    if (text.charCodeAt(at) !== 0x3c) return this.#characters();
    switch (text.charCodeAt(at + 1)) {
      case 0x2f:
        return this.#endTag();
      case 0x3f:
        return this.#skipTo("?>", at + 2);
      case 0x21:
        if (text.startsWith("<!--", at)) return this.#skipTo("-->", at + 4);
        if (text.startsWith("<![CDATA[", at)) return this.#characterData();
        return this.#fail("a document type or another declaration is not allowed");
      default:
        return this.#startTag();
    }
  }

  #skipTo(end: string, from: number): boolean {
    const found = this.#text.indexOf(end, from);
    if (found < 0) return this.#fail("the body ends too early");
    this.#at = found + end.length;
    return true;
  }

  #characters(): boolean {
    const next = this.#text.indexOf("<", this.#at);
    const end = next < 0 ? this.#text.length : next;
    const raw = this.#text.slice(this.#at, end);
    const open = this.#open.at(-1);
    if (open === undefined) {
      if (!/^[ \t\n]*$/.test(raw)) return this.#fail("text outside the root");
    } else {
      const text = resolveReferences(raw);
      if (text === undefined) return this.#fail("an entity that is not defined");
      open.text += text;
    }
    this.#at = end;
    return true;
  }

  #characterData(): boolean {
    const from = this.#at + "<![CDATA[".length;
    if (!this.#skipTo("]]>", from)) return false;
    const open = this.#open.at(-1);
    if (open === undefined) return this.#fail("text outside the root");
    open.text += this.#text.slice(from, this.#at - "]]>".length);
    return true;
  }

  #startTag(): boolean {
    this.#at++;
    const name = this.#name();
    if (name === undefined) return this.#fail(`unexpected text at ${this.#at}`);
    if (this.#open.length === 0 && this.#root !== undefined) return this.#fail("more than one root");
    if (this.#open.length >= DEPTH_MAX) return this.#fail("nested too deeply");
    if (--this.#left < 0) return this.#fail("too many elements");
    const open: Open = { name, members: new Map(), text: "", children: false };
    if (!this.#attributes(open.members)) return false;
    this.#open.push(open);
    if (this.#text.startsWith("/>", this.#at)) {
      this.#at += 2;
      return this.#close();
    }
    if (this.#text[this.#at] !== ">") return this.#fail(`unexpected text at ${this.#at}`);
    this.#at++;
    return true;
  }

  #attributes(members: Map<string, Tree>): boolean {
    for (let count = 0; ; count++) {
      const spaces = this.#match(SPACE).length;
      const next = this.#text[this.#at];
      if (next === ">" || next === "/") return true;
      if (count === ATTRIBUTES_MAX) return this.#fail("too many attributes");
      const name = spaces > 0 ? this.#name() : undefined;
      if (name === undefined) return this.#fail(`unexpected text at ${this.#at}`);
      this.#match(SPACE);
      if (this.#text[this.#at] !== "=") return this.#fail(`unexpected text at ${this.#at}`);
      this.#at++;
      this.#match(SPACE);
      const mark = this.#text[this.#at];
      if (mark !== '"' && mark !== "'") return this.#fail(`unexpected text at ${this.#at}`);
      const end = this.#text.indexOf(mark, this.#at + 1);
      if (end < 0) return this.#fail("the body ends too early");
      const raw = this.#text.slice(this.#at + 1, end);
      const value = raw.includes("<") ? undefined : resolveReferences(raw.replace(/[\t\n]/g, " "));
      if (value === undefined) return this.#fail("an attribute with an illegal value");
      if (members.has(`@${name}`)) return this.#fail("an attribute stands twice");
      if (MEANT.has(name)) members.set(`@${name}`, value);
      this.#at = end + 1;
    }
  }

  #endTag(): boolean {
    this.#at += 2;
    const name = this.#name();
    this.#match(SPACE);
    if (name === undefined || this.#text[this.#at] !== ">") return this.#fail(`unexpected text at ${this.#at}`);
    if (this.#open.at(-1)?.name !== name) return this.#fail("an end tag that closes nothing");
    this.#at++;
    return this.#close();
  }

  #close(): boolean {
    const { name, members, text, children } = this.#open.pop() as Open;
    let tree: Tree = members;
    // Between child elements stands layout only.
    if (members.size === 0) tree = text;
    else if (!children && text.trim() !== "") members.set("$", text);
    const key = fromElementName(name);
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = { root: key, tree };
    else {
      parent.children = true;
      const before = LISTED.has(key) ? parent.members.get(key) : undefined;
      if (before === undefined) parent.members.set(key, tree);
      else if (Array.isArray(before)) before.push(tree);
      else parent.members.set(key, [before, tree]);
    }
    return true;
  }

  #name(): string | undefined {
    const name = this.#match(NAME);
    return name === "" || name.length > NAME_LENGTH_MAX ? undefined : name;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fail(detail: string): boolean {
    this.#detail = detail;
    return false;
  }
}
