/** Whether the configured certificates can be used, and how long. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { TlsOptions } from "../../net/tls/certificates.ts";
import { validityOf } from "../../net/tls/validity.ts";
import { type Finding, finding } from "./finding.ts";

const DAY_MS = 86_400_000;

export async function examineCertificates(tls: TlsOptions | undefined, nowMs: number): Promise<Finding[]> {
  if (tls === undefined) return [];
  const { certFile, keyFile, caFile } = tls;
  const files = [["certificate", certFile], ...(caFile === undefined ? [] : [["authority", caFile]])] as [
    string,
    string,
  ][];
  return Promise.all(
    files.map(async ([name, file]) => {
      try {
        const certificate = new X509Certificate(await readFile(file));
        if (file === certFile && !certificate.checkPrivateKey(createPrivateKey(await readFile(keyFile))))
          return finding(name, "bad", `${keyFile} is not the key of ${file}`);
        return examine(name, certificate, nowMs);
      } catch (error) {
        return finding(name, "bad", `${file} cannot be used: ${(error as Error).message}`);
      }
    }),
  );
}

function examine(name: string, certificate: X509Certificate, nowMs: number): Finding {
  const who = certificate.subjectAltName ?? certificate.subject.replaceAll("\n", ", ");
  const { state, toMs } = validityOf(certificate, nowMs);
  if (state === "early") return finding(name, "bad", `${who}: not valid before ${certificate.validFrom}`);
  if (state === "over") return finding(name, "bad", `${who}: expired on ${certificate.validTo}`);
  const days = Math.floor((toMs - nowMs) / DAY_MS);
  return finding(name, state === "valid" ? "good" : "warn", `${who}: valid for ${days} more days`);
}
