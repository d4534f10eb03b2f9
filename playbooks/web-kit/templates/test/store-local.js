/** The browser's storage, as the tests fill it and look into it. */

import { storageKey } from "../api.js";
import { resources } from "../schema.js";

/** `rows` are what is stored, by path: read at each use, written by assignment. */
export function openStore() {
  const rows = {};
  for (const resource of resources) {
    Object.defineProperty(rows, resource.path, {
      get: () => JSON.parse(localStorage.getItem(storageKey(resource)) ?? "[]"),
      set: (list) => localStorage.setItem(storageKey(resource), JSON.stringify(list)),
    });
  }
  return { rows };
}

/** Makes the store fail until `repairStore`. */
export function breakStore() {
  for (const resource of resources) {
    localStorage.setItem(storageKey(resource), "{");
  }
}

export function repairStore() {
  localStorage.clear();
}
