import { toBytesText } from "./output.ts";
import { stderr } from "./streams.ts";

export interface Progress {
  report(bytes: number, bytesTotal?: number | null, step?: string): void;
  end(): void;
}

const EVERY_MS = 100;
const BAR = 24;

/** Shows progress in one line on stderr, if stderr is a terminal. */
export function createProgress(label: string, bytesTotal: number | null): Progress {
  const terminal = stderr();
  if (!terminal.isTTY) return { report: () => {}, end: () => {} };
  let nextMs = 0;
  let shown = false;
  return {
    report(bytes, total = bytesTotal, step = label) {
      const nowMs = performance.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + EVERY_MS;
      shown = true;
      terminal.write(`\r\x1b[K${step} ${progressText(bytes, total)}`);
    },
    end() {
      if (shown) terminal.write("\r\x1b[K");
    },
  };
}

export function progressText(bytes: number, total: number | null): string {
  if (total === null || total === 0) return toBytesText(bytes);
  const share = Math.min(1, bytes / total);
  const full = Math.round(share * BAR);
  return `${"█".repeat(full)}${"░".repeat(BAR - full)} ${Math.floor(share * 100)}%  ${toBytesText(bytes)} of ${toBytesText(total)}`;
}
