import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { App } from "../App.jsx";
import { inSentence } from "../fields.js";
import { resourceNamed, resources } from "../schema.js";
import { breakStore, openStore, repairStore } from "./store.js";

const SAMPLES = {
  text: "Blue notebook",
  long_text: "Lined, and larger than it looks.",
  integer: 12,
  number: 2.5,
  boolean: true,
  date: "2030-05-17",
  email: "grace@example.com",
  reference: 1,
};

const sampleOf = (resource) =>
  Object.fromEntries(resource.fields.map(({ name, kind }) => [name, SAMPLES[kind]]));

/** Opens the app at an address. */
function visit(hash) {
  window.location.hash = hash;
  render(<App />);
}

/** The table row of what has this name, once it is shown. */
async function rowNamed(name) {
  return (await screen.findByLabelText(`Edit ${name}`)).closest("tr");
}

async function fill(user, { kind, label }) {
  const input = await screen.findByLabelText(label);
  if (kind === "boolean") {
    await user.click(input);
  } else if (kind === "reference") {
    await user.selectOptions(input, String(SAMPLES[kind]));
  } else {
    await user.clear(input);
    await user.type(input, String(SAMPLES[kind]));
  }
}

describe.each(resources)("$labelPlural", (resource) => {
  const { path, fields } = resource;
  const nameField = fields[0];
  let store;
  let user;

  beforeEach(() => {
    user = userEvent.setup({ delay: null });
    store = openStore();
    for (const { references } of fields.filter((field) => field.references)) {
      const target = resourceNamed(references);
      store.rows[target.path] = [{ id: 1, ...sampleOf(target), [target.fields[0].name]: "First" }];
    }
    store.rows[path] = [
      { id: 1, ...sampleOf(resource), [nameField.name]: "First" },
      { id: 2, ...sampleOf(resource), [nameField.name]: "Second" },
    ];
  });

  it("are listed with the values of their fields", async () => {
    visit(`#/${path}`);
    const cells = within(await rowNamed("Second")).getAllByRole("cell");
    const shown = { boolean: "Yes", reference: "First" };
    const expected = fields.map(({ kind }) => shown[kind] ?? String(SAMPLES[kind]));
    expect(cells.slice(0, -1).map((cell) => cell.textContent)).toEqual([
      "Second",
      ...expected.slice(1),
    ]);
  });

  it("say when there are none", async () => {
    store.rows[path] = [];
    visit(`#/${path}`);
    expect(await screen.findByText(/^No .+ yet\.$/)).toBeTruthy();
    expect(screen.queryByRole("table")).toBeNull();
  });

  it("say when they cannot be loaded and can be asked for again", async () => {
    breakStore(store);
    visit(`#/${path}`);
    expect(await screen.findByRole("alert")).toBeTruthy();
    repairStore(store);
    store.rows[path] = [{ id: 1, ...sampleOf(resource), [nameField.name]: "Back" }];
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await rowNamed("Back")).toBeTruthy();
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("are added with what the form holds", async () => {
    visit(`#/${path}`);
    await user.click(await screen.findByRole("link", { name: /^Add / }));
    for (const field of fields) {
      await fill(user, field);
    }
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByRole("heading", { name: resource.labelPlural })).toBeTruthy();
    expect(store.rows[path][2]).toEqual({ id: 3, ...sampleOf(resource) });
    expect(await rowNamed(SAMPLES.text)).toBeTruthy();
  });

  it("are added with nothing where nothing was given", async () => {
    visit(`#/${path}/new`);
    const given = fields.filter(({ kind, required }) => required && kind !== "boolean");
    for (const field of given) {
      await fill(user, field);
    }
    await user.click(await screen.findByRole("button", { name: "Save" }));
    expect(await rowNamed(SAMPLES.text)).toBeTruthy();
    const expected = fields.map((field) => {
      const nothing = field.kind === "boolean" ? false : null;
      return [field.name, given.includes(field) ? SAMPLES[field.kind] : nothing];
    });
    expect(store.rows[path][2]).toEqual({ id: 3, ...Object.fromEntries(expected) });
  });

  it("are not added while a required field is empty", async () => {
    visit(`#/${path}/new`);
    await user.click(await screen.findByRole("button", { name: "Save" }));
    expect(store.rows[path]).toHaveLength(2);
  });

  it("show what is wrong with which field", async () => {
    visit(`#/${path}/new`);
    for (const field of fields) {
      await fill(user, field);
    }
    const input = screen.getByLabelText(nameField.label);
    await user.clear(input);
    await user.type(input, "   ");
    await user.click(screen.getByRole("button", { name: "Save" }));
    const problem = await screen.findByText("This field is required.");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(input.getAttribute("aria-describedby")).toBe(problem.id);
    expect(input.value).toBe("   ");
    expect(store.rows[path]).toHaveLength(2);
  });

  it("are edited from what they were", async () => {
    visit(`#/${path}`);
    await user.click(await screen.findByRole("link", { name: "Edit Second" }));
    const input = await screen.findByLabelText(nameField.label);
    expect(input.value).toBe("Second");
    await user.clear(input);
    await user.type(input, "Renamed");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(await rowNamed("Renamed")).toBeTruthy();
    expect(store.rows[path][1]).toEqual({
      id: 2,
      ...sampleOf(resource),
      [nameField.name]: "Renamed",
    });
  });

  it("are deleted once that is confirmed", async () => {
    const confirm = vi.spyOn(window, "confirm").mockReturnValue(false);
    visit(`#/${path}`);
    const button = await screen.findByRole("button", { name: "Delete Second" });
    await user.click(button);
    expect(store.rows[path]).toHaveLength(2);
    confirm.mockReturnValue(true);
    await user.click(button);
    await waitFor(() => expect(screen.queryByLabelText("Edit Second")).toBeNull());
    expect(store.rows[path].map(({ id }) => id)).toEqual([1]);
  });

  it("are reached from the navigation", async () => {
    visit("#/nowhere");
    await user.click(await screen.findByRole("link", { name: resource.labelPlural }));
    const heading = await screen.findByRole("heading", { name: resource.labelPlural });
    expect(heading).toBeTruthy();
    expect(screen.getByText(`Add ${inSentence(resource.label)}`)).toBeTruthy();
  });
});
