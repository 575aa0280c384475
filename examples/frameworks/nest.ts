/** NestJS: the client as a provider, a registration with the application's life, a configuration value that follows. */
import "reflect-metadata";
import type { AddressInfo } from "node:net";
import { Controller, Get, Inject, Injectable, Module, type BeforeApplicationShutdown } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { type Client, createClient, type LiveValue, type Registration } from "@rollcall/client";
import { ownAddress } from "@rollcall/client/node";

const URL = process.env.ROLLCALL_URL ?? "http://127.0.0.1:7070";
const ROLLCALL = Symbol("rollcall");

/** Registers the application once it listens, and takes it out before it stops. */
@Injectable()
class Membership implements BeforeApplicationShutdown {
  readonly #rollcall: Client;
  #registration: Registration | undefined;

  constructor(@Inject(ROLLCALL) rollcall: Client) {
    this.#rollcall = rollcall;
  }

  async join(service: string, port: number): Promise<void> {
    const spec = { service, id: `${service}-${port}`, address: await ownAddress(URL), port, protocol: "http" };
    this.#registration = await this.#rollcall.register({ ...spec, ttl: "10s" });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#registration?.drain(500);
  }
}

@Controller()
class Limits {
  readonly #limit: LiveValue<number>;

  constructor(@Inject(ROLLCALL) rollcall: Client) {
    this.#limit = rollcall.config.follow("shop/limit", 3);
  }

  @Get("limit")
  read(): { limit: number } {
    return { limit: this.#limit.value };
  }
}

@Module({
  controllers: [Limits],
  providers: [Membership, { provide: ROLLCALL, useFactory: () => createClient({ url: URL }) }],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false });
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? 0));
const { port } = app.getHttpServer().address() as AddressInfo;
await app.get(Membership).join("limits", port);
console.log(`limits listens on ${port}`);
