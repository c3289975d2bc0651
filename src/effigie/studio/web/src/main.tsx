import { effect } from "@preact/signals";
import { render } from "preact";
import { live } from "./live";
import { Shell } from "./shell";
import { readAddress } from "./state";
import { theme } from "./theme";

addEventListener("hashchange", readAddress);
readAddress();
effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
live.open();
render(<Shell />, document.getElementById("app")!);
