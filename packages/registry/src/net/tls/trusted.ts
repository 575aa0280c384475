/** @live Which certificates of others are trusted. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";

/** Where Debian and Red Hat keep the certificates that the system trusts. */
const SYSTEM_FILES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

let trusted: SecureContext | undefined;

/** Trusts what Node trusts, and what the system does: an own authority is usually installed there. Made once. */
export function trustedContext(): SecureContext {
  trusted ??= contextWith();
  return trusted;
}

/** The same, and what the file names besides. */
export function contextWith(file?: string): SecureContext {
  const files = [file, process.env.SSL_CERT_FILE, process.env.NODE_EXTRA_CA_CERTS, ...SYSTEM_FILES];
  const own = files.flatMap((file) => readCertificates(file));
  return createSecureContext({ ca: [...new Set([...rootCertificates, ...own])] });
}

function readCertificates(file: string | undefined): string[] {
  if (file === undefined || file === "") return [];
  try {
    const text = readFileSync(file, "utf8");
    return (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).filter(isCertificate);
  } catch {
    // Each system has one of the files.
    return [];
  }
}

/** A certificate that cannot be read would keep all others from being trusted. */
function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).serialNumber !== "";
  } catch {
    return false;
  }
}
