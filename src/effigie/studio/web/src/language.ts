// Texts with values in them: `t("Extract {name}", { name })`.
export type Values = Record<string, string | number>;

export const t = (text: string, values: Values = {}): string => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
