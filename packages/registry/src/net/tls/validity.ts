/** Whether certificates are valid now, and for how long yet. */
import { X509Certificate } from "node:crypto";

const DAY_MS = 86_400_000;
/** Whoever renews certificates by hand needs some days. */
const SOON_MS = 14 * DAY_MS;
const BLOCK = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs;

/** What is wrong with the time of any certificate in a PEM file, in words that follow the file's name; one each. */
export function judgeValidity(pem: string, nowMs: number): readonly string[] {
  return (pem.match(BLOCK) ?? []).flatMap((block) => {
    try {
      return judge(new X509Certificate(block), nowMs) ?? [];
    } catch {
      // Whether it can be used is found where it is.
      return [];
    }
  });
}

function judge(certificate: X509Certificate, nowMs: number): string | undefined {
  const whose = `(${certificate.subject.replaceAll("\n", ", ")})`;
  const { state, fromMs, toMs } = validityOf(certificate, nowMs);
  switch (state) {
    case "early":
      return `${whose} is not valid before ${toTime(fromMs)}`;
    case "over":
      return `${whose} has expired on ${toTime(toMs)}`;
    case "soon over":
      return `${whose} expires on ${toTime(toMs)}`;
    case "valid":
      return undefined;
  }
}

export interface Validity {
  readonly state: "early" | "valid" | "soon over" | "over";
  /** Wall-clock ms. */
  readonly fromMs: number;
  readonly toMs: number;
}

export function validityOf({ validFrom, validTo }: X509Certificate, nowMs: number): Validity {
  const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)];
  if (nowMs < fromMs) return { state: "early", fromMs, toMs };
  if (nowMs > toMs) return { state: "over", fromMs, toMs };
  return { state: toMs - nowMs <= SOON_MS ? "soon over" : "valid", fromMs, toMs };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(".000", "");
}
