/** Signals, which may outlive by far what listens to them: a connection has one for all of its requests. */

/** Calls once if the signal comes, until what it answers is called. */
export function onAbort(signal: AbortSignal | undefined, come: () => void): () => void {
  signal?.addEventListener("abort", come, { once: true });
  return () => signal?.removeEventListener("abort", come);
}
