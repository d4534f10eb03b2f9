import { screen } from "@testing-library/dom";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";

import App from "../App.vue";
import { resources } from "../schema.js";
import { render } from "./render.js";
import { breakStore, openStore, repairStore } from "./store.js";

const heading = (name) => screen.findByRole("heading", { name });

describe("Accounts", () => {
  let store;
  let user;

  beforeEach(() => {
    user = userEvent.setup({ delay: null });
    store = openStore();
    store.user = null;
  });

  async function enter(email, password, button) {
    await user.type(await screen.findByLabelText("Email"), email);
    await user.type(screen.getByLabelText("Password"), password);
    await user.click(screen.getByRole("button", { name: button }));
  }

  it("let a user in and out again", async () => {
    render(App);
    await enter("ada@example.com", "correct horse", "Sign in");
    expect(await heading(resources[0].labelPlural)).toBeTruthy();
    expect(screen.getByText("ada@example.com")).toBeTruthy();
    expect(store.requests).toContainEqual({
      method: "POST",
      url: "/api/auth/login",
      body: { email: "ada@example.com", password: "correct horse" },
    });
    await user.click(screen.getByRole("button", { name: "Sign out" }));
    expect(await heading("Sign in")).toBeTruthy();
    expect(store.user).toBeNull();
  });

  it("say when the password is wrong", async () => {
    render(App);
    await enter("ada@example.com", "wrong", "Sign in");
    expect((await screen.findByRole("alert")).textContent).toBe("Wrong email or password.");
    expect(screen.queryByRole("button", { name: "Sign out" })).toBeNull();
  });

  it("are made by registering", async () => {
    render(App);
    await user.click(await screen.findByRole("button", { name: "Create an account" }));
    await enter("new@example.com", "correct horse", "Register");
    expect(await heading(resources[0].labelPlural)).toBeTruthy();
    expect(store.user).toEqual({ id: 1, email: "new@example.com" });
  });

  it("say when the address is taken", async () => {
    render(App);
    await user.click(await screen.findByRole("button", { name: "Create an account" }));
    await enter("taken@example.com", "correct horse", "Register");
    expect((await screen.findByRole("alert")).textContent).toBe("This address is taken.");
    expect(screen.getByText("Already registered.")).toBeTruthy();
  });

  it("last over a reload of the page", async () => {
    store.user = { id: 1, email: "ada@example.com" };
    render(App);
    expect(await screen.findByText("ada@example.com")).toBeTruthy();
    expect(screen.queryByLabelText("Password")).toBeNull();
  });

  it("ask again when the session has ended", async () => {
    store.user = { id: 1, email: "ada@example.com" };
    render(App);
    await screen.findByText(/^No .+ yet\.$/);
    store.user = null;
    window.location.hash = `#/${resources[0].path}/1`;
    expect(await heading("Sign in")).toBeTruthy();
  });

  it("can be asked for again when the server failed", async () => {
    breakStore(store);
    render(App);
    const retry = await screen.findByRole("button", { name: "Try again" });
    repairStore(store);
    await user.click(retry);
    expect(await heading("Sign in")).toBeTruthy();
  });
});
