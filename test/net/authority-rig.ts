/** Certificates for tests of TLS, made by openssl. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}

/** An authority in a directory, and certificates that it signs. */
export function createAuthority(directory: string, name: string) {
  const at = (file: string): string => join(directory, file);
  const [caKey, ca] = [at(`${name}.key`), at(`${name}.pem`)];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", caKey, "-out", ca, "-days", "2", "-subj", `/CN=${name}`);
  return {
    ca,
    sign(file: string, subject: string, days = 2): { cert: string; key: string } {
      const [key, csr, cert, extensions] = [at(`${file}.key`), at(`${file}.csr`), at(`${file}.pem`), at(`${file}.ext`)];
      writeFileSync(extensions, "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
      openssl("req", ...newKey, "-keyout", key, "-out", csr, "-subj", `/CN=${subject}`);
      const signed = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", String(days), "-extfile", extensions];
      openssl("x509", "-req", "-in", csr, "-out", cert, ...signed);
      return { cert, key };
    },
  };
}
