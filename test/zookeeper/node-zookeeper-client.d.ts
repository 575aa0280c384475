/** So much of the npm package `node-zookeeper-client` as the tests use; it brings no types. */
declare module "node-zookeeper-client" {
  export type Stat = Readonly<Record<string, Buffer | number>>;
  type Done<T = void> = (error: (Error & { readonly name: string }) | null, value: T) => void;

  export interface Event {
    readonly type: number;
    readonly path: string;
  }

  export interface Transaction {
    create(path: string, data?: Buffer): Transaction;
    setData(path: string, data: Buffer): Transaction;
    check(path: string, version: number): Transaction;
    remove(path: string): Transaction;
    commit(done: Done<unknown>): void;
  }

  export interface Client {
    connect(): void;
    close(): void;
    once(event: "connected" | "disconnected", listener: () => void): void;
    on(event: "state", listener: (state: { readonly name: string }) => void): void;
    create(path: string, data: Buffer | null, mode: number, done: Done<string>): void;
    mkdirp(path: string, done: Done<string>): void;
    remove(path: string, version: number, done: Done): void;
    exists(path: string, watcher: (event: Event) => void, done: Done<Stat | null>): void;
    getData(
      path: string,
      watcher: (event: Event) => void,
      done: (error: Error | null, data: Buffer, stat: Stat) => void,
    ): void;
    setData(path: string, data: Buffer, version: number, done: Done<Stat>): void;
    getChildren(path: string, watcher: (event: Event) => void, done: Done<string[]>): void;
    transaction(): Transaction;
    addAuthInfo(scheme: string, auth: Buffer): void;
    getSessionId(): Buffer;
  }

  export function createClient(
    connection: string,
    options?: { readonly sessionTimeout?: number; readonly spinDelay?: number },
  ): Client;
  export const CreateMode: Readonly<Record<"PERSISTENT" | "EPHEMERAL" | "EPHEMERAL_SEQUENTIAL", number>>;
}
