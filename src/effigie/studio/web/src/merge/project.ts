// The values of a project file, and what a page does to them. A project is never changed in place.
export type Value = number | string | boolean;
export interface Table { [name: string]: Value | Table }
export interface Key { frame: number; compose: Table }
export interface Shot { first: number; last?: number; skip: boolean; without: string[]; compose?: Table; keys?: Key[] }
export interface Stroke { points: number[]; first?: number; last?: number; mode: "erase" | "add"; size: number; softness: number; model?: string }
export interface Project { clip: string; strokes?: Stroke[]; people: { model: string; who?: number }[]; compose: Table; shots: Shot[]; [name: string]: unknown }
export interface Control { path: string[]; label: string; help: string; panel: string; first: Value; low?: number; high?: number; step?: number; choices?: string[] }

export const end = (shot: Shot, count: number): number => Math.min(shot.last ?? count - 1, count - 1);
const sorted = (shots: Shot[]): Shot[] => [...shots].sort((one, other) => one.first - other.first);

export function read(table: Table, path: string[]): Value {
  return path.reduce<Value | Table>((found, name) => (found as Table)[name]!, table) as Value;
}

export function write(table: Table, path: string[], value: Value): Table {
  const [name, ...rest] = path;
  return { ...table, [name!]: rest.length ? write(table[name!] as Table, rest, value) : value };
}

export const shotAt = (project: Project, n: number): Shot | undefined => project.shots.find(shot => shot.first <= n && n <= (shot.last ?? Infinity));

function mix(one: Table, other: Table, share: number): Table {
  return Object.fromEntries(
    Object.entries(one).map(([name, before]) => {
      const after = other[name]!;
      if (typeof before === "object") return [name, mix(before, after as Table, share)];
      return [name, typeof before === "number" && name !== "every" ? before + share * ((after as number) - before) : before];
    }),
  );
}

// The settings of a frame, as `convert` reads them.
export function composeAt(project: Project, n: number): Table {
  const shot = shotAt(project, n);
  const keys = [...(shot?.keys ?? [])].sort((one, other) => one.frame - other.frame);
  if (!keys.length) return shot?.compose ?? project.compose;
  const after = keys.findIndex(key => key.frame > n);
  if (after === 0) return keys[0]!.compose;
  if (after < 0) return keys.at(-1)!.compose;
  const [from, to] = [keys[after - 1]!, keys[after]!];
  return mix(from.compose, to.compose, (n - from.frame) / (to.frame - from.frame));
}

// A look for a frame: of its key, its shot or the whole clip.
export function setCompose(project: Project, n: number, compose: Table): Project {
  const shot = shotAt(project, n);
  if (!shot) return { ...project, compose };
  if (!shot.keys?.length) return replaceShot(project, shot, { ...shot, compose });
  return replaceShot(project, shot, { ...shot, keys: [...shot.keys.filter(key => key.frame !== n), { frame: n, compose }] });
}

export const replaceShot = (project: Project, shot: Shot, other: Shot | null): Project => ({
  ...project,
  shots: sorted(project.shots.flatMap(one => (one !== shot ? [one] : other ? [other] : []))),
});

// A shot over a range; those under it give way.
export function addShot(project: Project, first: number, last: number): Project {
  const compose = composeAt(project, first);
  const kept = project.shots.flatMap(shot => {
    const parts: Shot[] = [];
    if (shot.first < first) parts.push(within({ ...shot, last: Math.min(shot.last ?? first - 1, first - 1) }));
    if ((shot.last ?? Infinity) > last) parts.push(within({ ...shot, first: Math.max(shot.first, last + 1) }));
    return parts;
  });
  return { ...project, shots: sorted([...kept, { first, last, skip: false, without: [], compose }]) };
}

const within = (shot: Shot): Shot => (shot.keys ? { ...shot, keys: shot.keys.filter(key => key.frame >= shot.first && key.frame <= (shot.last ?? Infinity)) } : shot);

export function toggleKey(project: Project, n: number): Project {
  const shot = shotAt(project, n);
  if (!shot) return project;
  const keys = shot.keys ?? [];
  const kept = keys.filter(key => key.frame !== n);
  if (kept.length < keys.length) return replaceShot(project, shot, kept.length ? { ...shot, keys: kept } : { ...shot, keys: undefined, compose: composeAt(project, n) });
  return replaceShot(project, shot, { ...shot, keys: [...keys, { frame: n, compose: composeAt(project, n) }] });
}

// The look of a frame for everything before its shot, or after it; ranges without a shot get one.
export function copyLook(project: Project, n: number, where: "before" | "after", count: number): Project {
  const [shot, compose] = [shotAt(project, n), composeAt(project, n)];
  const first = where === "before" ? 0 : (shot ? end(shot, count) : n) + 1;
  const last = where === "before" ? (shot ? shot.first : n) - 1 : count - 1;
  if (first > last) return project;
  let at = first;
  let shots = project.shots;
  const gaps: Shot[] = [];
  const inside = sorted(project.shots.filter(one => one.first <= last && end(one, count) >= first));
  for (const one of inside) {
    if (one.first > at) gaps.push({ first: at, last: one.first - 1, skip: false, without: [], compose });
    at = end(one, count) + 1;
  }
  if (at <= last) gaps.push({ first: at, last, skip: false, without: [], compose });
  shots = shots.map(one => (inside.includes(one) ? { ...one, compose, keys: undefined } : one));
  return { ...project, shots: sorted([...shots, ...gaps]) };
}

// Frames at which something changes, for PgUp and PgDn; `ranges` are those with a face.
export function borders(project: Project, count: number, ranges: [number, number][]): number[] {
  const found = project.shots.flatMap(shot => [shot.first, end(shot, count) + 1, ...(shot.keys ?? []).map(key => key.frame)]);
  found.push(...ranges.flatMap(([first, last]) => [first, last + 1]));
  return [...new Set([0, ...found, count - 1])].filter(n => n >= 0 && n < count).sort((one, other) => one - other);
}

// Strokes of the brush: one in the place of another, or as the last.
export const withStroke = (project: Project, old: Stroke | null, stroke: Stroke): Project => ({
  ...project,
  strokes: [...(project.strokes ?? []).filter(one => one !== old), stroke],
});

const liesOn = (stroke: Stroke, n: number): boolean => (stroke.first ?? 0) <= n && n <= (stroke.last ?? Infinity);
export const strokesAt = (project: Project, n: number): Stroke[] => (project.strokes ?? []).filter(stroke => liesOn(stroke, n));

export function clearStrokes(project: Project, n: number): Project {
  const strokes = (project.strokes ?? []).filter(stroke => !liesOn(stroke, n));
  const { strokes: _, ...rest } = project;
  return strokes.length ? { ...rest, strokes } : rest as Project;
}
