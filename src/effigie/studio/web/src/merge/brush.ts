// A brush on the mask: strokes lie in the face's crop, so that they go with the head.
import { signal } from "@preact/signals";
import type { Face, Shown } from "./desk";
import { type Project, type Stroke, shotAt } from "./project";

export const brush = signal<{ on: boolean; mode: "erase" | "add"; size: number; softness: number }>({ on: false, mode: "erase", size: 0.06, softness: 0.5 });
export const SIZES: [number, number] = [0.01, 0.4];
const MAX_POINTS = 4000;

export function setBrush(changes: Partial<typeof brush.value>): void {
  const next = { ...brush.value, ...changes };
  brush.value = { ...next, size: Math.max(SIZES[0], Math.min(SIZES[1], +next.size.toFixed(3))) };
}

export type Place = { left: number; top: number; scale: number; width: number; height: number };

// Where a picture lies on a canvas, in CSS px; side by side the half under the pointer.
export function placePicture(canvas: HTMLCanvasElement, picture: ImageBitmap, side: boolean, clientX: number): Place {
  const box = canvas.getBoundingClientRect();
  const scale = Math.min(box.width / (picture.width * (side ? 2 : 1)), box.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const start = box.left + (box.width - width * (side ? 2 : 1)) / 2;
  return { left: side && clientX >= start + width ? start + width : start, top: box.top + (box.height - height) / 2, scale, width, height };
}

// The face under a pointer, or the nearest, and the place in its crop.
export function findFace(shown: Shown, place: Place, clientX: number, clientY: number): { face: Face; x: number; y: number; ring: number } | null {
  const [w, h] = shown.size;
  const [x, y] = [((clientX - place.left) / place.width) * w - 0.5, ((clientY - place.top) / place.height) * h - 0.5];
  const away = (face: Face) => Math.hypot(x - (face.box[0] + face.box[2]) / 2, y - (face.box[1] + face.box[3]) / 2);
  const face = [...shown.faces].sort((one, other) => away(one) - away(other))[0];
  if (!face) return null;
  const [[a, b, c], [d, e, f]] = face.crop;
  const perPixel = Math.hypot(a, d); // of the crop's side, a px of the frame
  return { face, x: a * x + b * y + c, y: d * x + e * y + f, ring: (brush.value.size / perPixel) * (place.width / w) };
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;

// A stroke begun on a frame: on its shot, or on the whole clip; on one model's faces where there are several.
export function beginStroke(project: Project, n: number, face: Face, x: number, y: number, swap: boolean): Stroke {
  const shot = shotAt(project, n);
  const { mode, size, softness } = brush.value;
  return {
    points: [round(x), round(y)],
    ...(shot && { first: shot.first, ...(shot.last !== undefined && { last: shot.last }) }),
    mode: swap === (mode === "erase") ? "add" : "erase",
    size,
    softness,
    ...(project.people.length > 1 && { model: face.model }),
  };
}

// The stroke up to a further point; the very same where that is too near to matter.
export function extendStroke(stroke: Stroke, x: number, y: number): Stroke {
  const [lastX, lastY] = stroke.points.slice(-2) as [number, number];
  if (Math.hypot(x - lastX, y - lastY) < stroke.size / 8 || stroke.points.length >= 2 * MAX_POINTS) return stroke;
  return { ...stroke, points: [...stroke.points, round(x), round(y)] };
}
