/** Shows a component as the app would, and takes it down again. */

import { createApp } from "vue";

let app;

export function render(component) {
  app = createApp(component);
  app.mount(document.body.appendChild(document.createElement("div")));
}

export function cleanup() {
  app?.unmount();
  app = undefined;
  document.body.replaceChildren();
}
