/** The messages and methods of the `.proto` files beside this one. */
import { Schema } from "../../../net/grpc/schema.ts";
import { DESCRIPTORS } from "./descriptors.ts";

export const SCHEMA = new Schema(DESCRIPTORS);

/** What begins the names of messages and services. */
export const PACKAGE = "rollcall.v1";
