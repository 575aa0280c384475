/** @live Tokens, which are random and stored as hashes, and bearers, which carry their own proof. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Account, type IssuedToken, isLegalAccount, type Principal, ROLES, type Role } from "../../core/index.ts";
import type { Secret } from "../secret.ts";
import { parseObject } from "./entries.ts";

/** A token as it is kept: never the secret. */
export interface KeptToken {
  readonly id: string;
  readonly account: Account | null;
  readonly role: Role;
  readonly name: string;
  readonly createdAtMs: number;
  readonly sha256: string;
}

export function isRole(role: unknown): role is Role {
  return (ROLES as readonly unknown[]).includes(role);
}

export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** A new secret; it is shown once and only its hash is kept. */
export function makeToken(): { readonly id: string; readonly token: string; readonly sha256: string } {
  const token = `rc_${randomBytes(32).toString("base64url")}`;
  return { id: randomBytes(8).toString("hex"), token, sha256: hashToken(token) };
}

/** Undefined for what is no record of a token. */
export function readToken(id: string, raw: Readonly<Record<string, unknown>> = {}): KeptToken | undefined {
  const { account, role, name, createdAtMs, sha256 } = raw;
  if (account !== null && typeof account !== "string") return undefined;
  if (!isRole(role) || typeof sha256 !== "string") return undefined;
  return {
    id,
    account,
    role,
    name: typeof name === "string" ? name : "",
    createdAtMs: typeof createdAtMs === "number" ? createdAtMs : 0,
    sha256,
  };
}

/** What a bearer says, once its proof was checked. */
export interface Claim {
  readonly account: Account;
  readonly role: Role;
  readonly expiresAtMs: number;
  /** The hash of the token it was given for; "" when it was given in open mode. */
  readonly key: string;
}

const HALF_LIFE_MS = 24 * 3600 * 1000;
const PREFIX = "rcb_";
const TOKEN_LENGTH_MAX = 1024;

/**
 * Bearers carry a claim and a MAC over it, so that none is stored. All that are issued within one half-life are the
 * same: a client that logs in at each request gets the same one again, also after a restart.
 */
export class Bearers {
  readonly #secret: Secret;

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  issue(account: Account, role: Role, key: string, nowMs: number): IssuedToken {
    const expiresAtMs = (Math.floor(nowMs / HALF_LIFE_MS) + 2) * HALF_LIFE_MS;
    const claim = Buffer.from(JSON.stringify([account, role, expiresAtMs, key])).toString("base64url");
    return { token: `${PREFIX}${claim}.${this.#prove(claim).toString("base64url")}`, expiresAtMs };
  }

  /** Undefined unless it was issued with this secret and lives. */
  check(token: string, nowMs: number): Claim | undefined {
    if (!token.startsWith(PREFIX) || token.length > TOKEN_LENGTH_MAX) return undefined;
    const dot = token.indexOf(".");
    if (dot < 0) return undefined;
    const claim = token.slice(PREFIX.length, dot);
    const given = Buffer.from(token.slice(dot + 1), "base64url");
    const proof = this.#prove(claim);
    if (given.length !== proof.length || !timingSafeEqual(given, proof)) return undefined;
    return readClaim(Buffer.from(claim, "base64url").toString("utf8"), nowMs);
  }

  #prove(claim: string): Buffer {
    return createHmac("sha256", this.#secret()).update(claim).digest();
  }
}

/** One that would live for longer than any was issued by a clock that was ahead. */
export function isLive(expiresAtMs: number, nowMs: number): boolean {
  return expiresAtMs > nowMs && expiresAtMs <= nowMs + 2 * HALF_LIFE_MS;
}

function readClaim(text: string, nowMs: number): Claim | undefined {
  const raw = parseObject(text);
  if (!Array.isArray(raw)) return undefined;
  const [account, role, expiresAtMs, key] = raw as unknown[];
  if (typeof account !== "string" || !isLegalAccount(account) || typeof key !== "string") return undefined;
  if (!isRole(role)) return undefined;
  if (typeof expiresAtMs !== "number" || !isLive(expiresAtMs, nowMs)) return undefined;
  return { account, role, expiresAtMs, key };
}

export function principalOf(token: KeptToken): Principal {
  const { id, account, role, name } = token;
  return { account, role, name: name === "" ? id : name, id };
}
