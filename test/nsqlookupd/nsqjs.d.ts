/** So much of the npm package `nsqjs` as the tests use; it brings no types. */
declare module "nsqjs" {
  export class Reader {
    constructor(topic: string, channel: string, options: Record<string, unknown>);
    connect(): void;
    close(): void;
    on(event: "message", listener: (message: { body: Buffer; finish(): void }) => void): void;
    on(event: "nsqd_connected" | "nsqd_closed", listener: (host: string, port: number) => void): void;
    on(event: "error", listener: (error: Error) => void): void;
  }
}
