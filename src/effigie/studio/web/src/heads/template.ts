// Control templates as the page edits them: keys with values of some controls. A template is never changed in place.
export type Ease = "smooth" | "linear" | "hold";
export interface Key { time: number; ease: Ease; [control: string]: number | string }
export interface Template { rate: number; over: "replace" | "add"; seconds?: number; keys: Key[]; version?: number }
export interface Control { name: string; label: string; help: string; panel: string; low: number; high: number }
export type Values = Record<string, number>;

export const EXPRESSION = ["smile", "mouth", "blink_left", "blink_right", "brows"];
export const empty = (): Template => ({ rate: 25, over: "replace", keys: [{ time: 0, ease: "smooth" }] });

const near = (one: number, other: number): boolean => Math.abs(one - other) < 1e-4;
export const frameOf = (template: Template, key: Key, rate = template.rate): number => Math.round(key.time * rate);
export const timeOf = (n: number, rate: number): number => Math.round((n / rate) * 1e6) / 1e6;
export const named = (template: Template): string[] => [...new Set(template.keys.flatMap(key => Object.keys(key).filter(name => name !== "time" && name !== "ease")))];
export const lastTime = (template: Template): number => Math.max(template.seconds ?? 0, ...template.keys.map(key => key.time));

const sorted = (keys: Key[]): Key[] => [...keys].sort((one, other) => one.time - other.time);
const tidy = (keys: Key[]): Key[] => {
  const full = sorted(keys).filter(key => Object.keys(key).length > 2);
  return full.length ? full : [{ time: 0, ease: "smooth" }];
};

// A control's value at a time, as `animate` reads it; null where no key names it.
export function valueAt(template: Template, name: string, time: number): number | null {
  const track = sorted(template.keys).filter(key => key[name] !== undefined);
  if (!track.length) return null;
  const after = track.findIndex(key => key.time > time + 1e-9);
  if (after === 0) return track[0]![name] as number;
  if (after < 0) return track.at(-1)![name] as number;
  const [from, to] = [track[after - 1]!, track[after]!];
  if (to.ease === "hold") return from[name] as number;
  let share = (time - from.time) / (to.time - from.time);
  if (to.ease === "smooth") share = share * share * (3 - 2 * share);
  return (from[name] as number) + share * ((to[name] as number) - (from[name] as number));
}

export const keyAt = (template: Template, time: number): Key | undefined => template.keys.find(key => near(key.time, time));

// Values at a time: into the key there, or a new one. A control that gets its first key later on begins as it was.
export function setValues(template: Template, time: number, values: Values, own: Values): Template {
  const fresh = Object.keys(values).filter(name => time > 0 && !template.keys.some(key => key[name] !== undefined) && own[name] !== undefined);
  let keys = template.keys;
  if (fresh.length) keys = put(keys, 0, Object.fromEntries(fresh.map(name => [name, own[name]!])));
  return { ...template, keys: tidy(put(keys, time, values)) };
}

function put(keys: Key[], time: number, values: Values): Key[] {
  const old = keys.find(key => near(key.time, time));
  return [...keys.filter(key => key !== old), { ...(old ?? { time, ease: "smooth" as Ease }), ...values } as Key];
}

// A control left as the portrait has it.
export const release = (template: Template, name: string): Template => ({
  ...template,
  keys: tidy(template.keys.map(({ [name]: _, ...rest }) => rest as Key)),
});

// The key at a time taken away; or one made of what is shown there.
export function toggleKey(template: Template, time: number): Template {
  if (keyAt(template, time)) return { ...template, keys: tidy(template.keys.filter(key => !near(key.time, time))) };
  const values = Object.fromEntries(named(template).map(name => [name, valueAt(template, name, time)!]));
  return { ...template, keys: tidy(put(template.keys, time, values)) };
}

export const setEase = (template: Template, time: number, ease: Ease): Template => ({
  ...template,
  keys: template.keys.map(key => (near(key.time, time) ? { ...key, ease } : key)),
});

// A key moved to another time; one that is there takes its values in.
export function moveKey(template: Template, from: number, to: number): Template {
  const key = keyAt(template, from);
  if (!key || near(from, to)) return template;
  const { time: _, ...values } = key;
  const others = template.keys.filter(one => one !== key);
  const under = others.find(one => near(one.time, to));
  return { ...template, keys: tidy([...others.filter(one => one !== under), { ...under, ...values, time: to } as Key]) };
}
