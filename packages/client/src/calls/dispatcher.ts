/**
 * Calls by service name as a dispatcher of undici: what Node's own `fetch`, undici and all that is built on it take as
 * `dispatcher`. Nothing of undici is imported: a dispatcher is what has these methods.
 */
import type { Taken } from "../find/balance/balancer.ts";
import type { Route, Routes } from "./caller.ts";

/** What undici calls to begin a request; the options are passed on, with another `origin`. */
export interface Dispatcher {
  // biome-ignore lint/suspicious/noExplicitAny: undici's options differ by its version, and are passed on as they are
  dispatch(options: any, handler: any): boolean;
  close?(): Promise<void>;
  destroy?(error?: unknown): Promise<void>;
}

interface Names {
  readonly toService: (host: string) => string | undefined;
  readonly toKey: ((url: URL) => string | undefined) | undefined;
}

type Handler = Record<string, ((...given: unknown[]) => unknown) | undefined>;

/** Where undici keeps the dispatcher that `fetch` uses (undici's lib/global.js). */
const GLOBAL = Symbol.for("undici.globalDispatcher.1");

export function createDispatcher(routes: Routes, names: Names, given?: Dispatcher): Dispatcher {
  const inner = (): Dispatcher => {
    const found = given ?? (globalThis as { [GLOBAL]?: Dispatcher })[GLOBAL];
    if (found === undefined) throw new TypeError("give an undici Agent: the program has not used fetch yet");
    return found;
  };
  return {
    dispatch(options: { origin: string | URL; path: string }, handler: Handler) {
      const origin = new URL(options.origin);
      const service = names.toService(origin.hostname);
      if (service === undefined) return inner().dispatch(options, handler);
      const begin = ({ taken, host }: Route): boolean => {
        origin.host = host;
        return inner().dispatch({ ...options, origin: origin.origin }, watched(handler, taken));
      };
      try {
        const route = routes.take(service, names.toKey?.(new URL(options.path, origin)));
        if (!(route instanceof Promise)) return begin(route);
        route.then(begin).catch((error: unknown) => refuse(handler, error));
      } catch (error) {
        refuse(handler, error);
      }
      return true;
    },
    close: async () => given?.close?.(),
    destroy: async (error) => given?.destroy?.(error),
  };
}

/** Ends a request that has not begun, in the words of undici 7 and of those before it. */
function refuse(handler: Handler, error: unknown): void {
  if (handler.onResponseError) {
    const controller = { abort() {}, pause() {}, resume() {}, aborted: true, paused: false, reason: error };
    handler.onResponseError(controller, error);
  } else handler.onError?.(error);
}

/** The handler, with the end of the call told to the balancer: undici 7's methods, and those before it. */
function watched(handler: Handler, taken: Taken): Handler {
  let ok = true;
  const judge = (status: unknown) => {
    if (typeof status === "number" && status >= 500) ok = false;
  };
  const tell: Handler = {
    onResponseStart: (_controller, status) => judge(status),
    onHeaders: (status) => judge(status),
    onResponseEnd: () => taken.done(ok),
    onComplete: () => taken.done(ok),
    onUpgrade: () => taken.done(true),
    onRequestUpgrade: () => taken.done(true),
    onResponseError: (_controller, error) => taken.done(isAbort(error)),
    onError: (error) => taken.done(isAbort(error)),
  };
  return new Proxy(handler, {
    get(target, name) {
      const own = target[name as string];
      const before = tell[name as string];
      if (typeof own !== "function") return own;
      return (...args: unknown[]) => {
        before?.(...args);
        return own.apply(target, args);
      };
    },
  });
}

/** The caller gave up: that says nothing of the instance. */
function isAbort(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return name === "AbortError" || code === "UND_ERR_ABORTED";
}
