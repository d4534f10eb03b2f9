import { cleanup } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";

beforeEach(() => {
  window.location.hash = "";
  localStorage.clear();
});

afterEach(cleanup);
