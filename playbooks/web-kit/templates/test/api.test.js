import { describe, expect, it, vi } from "vitest";

import * as api from "../api.js";
import { openStore } from "./store.js";

const resource = { path: "things" };

describe("requests", () => {
  it.each([
    [() => api.listRows(resource), "GET", "/api/things", undefined],
    [() => api.getRow(resource, 7), "GET", "/api/things/7", undefined],
    [() => api.createRow(resource, { a: 1 }), "POST", "/api/things", { a: 1 }],
    [() => api.updateRow(resource, 7, { a: 1 }), "PUT", "/api/things/7", { a: 1 }],
    [() => api.removeRow(resource, 7), "DELETE", "/api/things/7", undefined],
  ])("%# go to the contract's address", async (call, method, url, body) => {
    const store = openStore();
    store.broken = true;
    await expect(call()).rejects.toMatchObject({ status: 500, message: "The server failed." });
    expect(store.requests).toEqual([{ method, url, body }]);
  });

  it("say when the server cannot be reached", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(api.listRows(resource)).rejects.toMatchObject({
      name: "ApiError",
      status: 0,
      message: "The server cannot be reached. Please try again.",
    });
  });

  it("refuse an answer that is not JSON", async () => {
    vi.stubGlobal("fetch", async () => new Response("<!doctype html>"));
    await expect(api.listRows(resource)).rejects.toMatchObject({ name: "ApiError", status: 200 });
  });
});
