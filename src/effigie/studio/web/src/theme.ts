// Light or dark: the system's choice unless this browser was told otherwise.
import { signal } from "@preact/signals";

type Theme = "system" | "dark" | "light";
const KEY = "effigie-theme";

export const theme = signal<Theme>((localStorage.getItem(KEY) as Theme | null) ?? "dark");

export function nextTheme(): void {
  const order: Theme[] = ["dark", "light", "system"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length]!;
  localStorage.setItem(KEY, theme.value);
}
