// The page's texts, in English and Italian. The English text is its own key: `t("Extract {name}", { name })`.
import { signal } from "@preact/signals";
import { ITALIAN } from "./italian";

export type Message = keyof typeof ITALIAN;
export type Values = Record<string, string | number>;
type Language = "en" | "it";

const KEY = "effigie-language";
const kept = localStorage.getItem(KEY);

// The browser's first language unless this browser was told otherwise; English for whoever reads neither.
export const language = signal<Language>(kept === "it" || kept === "en" ? kept : navigator.language.startsWith("it") ? "it" : "en");

export function nextLanguage(): void {
  language.value = language.value === "en" ? "it" : "en";
  localStorage.setItem(KEY, language.value);
}

const fill = (text: string, values: Values): string => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

export const t = (text: Message, values: Values = {}): string => fill(language.value === "it" ? ITALIAN[text] : text, values);

// Words that the server sends, such as states and names of controls; what the catalogue does not know stays as it is.
export const told = (text: string): string => (language.value === "it" ? ((ITALIAN as Record<string, string>)[text] ?? text) : text);

// Both languages have one form for 1 and another for every other number.
export const count = (n: number, one: Message, many: Message): string => t(n === 1 ? one : many, { n: number(n) });

const formats = new Map<string, Intl.NumberFormat>();

// A number as it is written, with so many digits after the point or comma.
export function number(value: number, digits = 0): string {
  const key = `${language.value} ${digits}`;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(key)!.format(value).replace("-", "−");
}

export const list = (parts: string[], type: "conjunction" | "disjunction" = "conjunction"): string => new Intl.ListFormat(language.value, { type }).format(parts);
