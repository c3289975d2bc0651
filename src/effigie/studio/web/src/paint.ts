// What is drawn on canvases: frames, the timeline, curves, the coverage of head poses.
import { number, t, told } from "./language";
import type { CurveRow, FaceColumns } from "./types";

export type Mode = "wipe" | "side" | "difference" | "mask" | "before" | "after";

export const color = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function begin(canvas: HTMLCanvasElement): { c: CanvasRenderingContext2D; W: number; H: number; d: number } {
  const d = devicePixelRatio;
  const [W, H] = [Math.round(canvas.clientWidth * d), Math.round(canvas.clientHeight * d)];
  if (canvas.width !== W || canvas.height !== H) [canvas.width, canvas.height] = [W, H];
  const c = canvas.getContext("2d")!;
  c.clearRect(0, 0, W, H);
  c.font = `${10.5 * d}px system-ui, sans-serif`;
  return { c, W, H, d };
}

// Pictures: before and after, or one alone. `labels` name them in every view; without them only a wipe has "before" and "after".
export function drawFrame(canvas: HTMLCanvasElement, pictures: ImageBitmap[], mode: Mode, split: number, labels?: [string, string]): void {
  const { c, W, H, d } = begin(canvas);
  const before = pictures[0];
  const after = pictures[1] ?? before;
  if (!before || !after) return;
  const across = mode === "side" && pictures.length >= 2 ? 2 : 1;
  const scale = Math.min(W / (before.width * across), H / before.height);
  const [w, h] = [before.width * scale, before.height * scale];
  const [x, y] = [(W - w * across) / 2, (H - h) / 2];
  c.imageSmoothingQuality = "high";
  if (mode === "mask") c.drawImage(pictures[2] ?? before, x, y, w, h);
  else if (mode === "before") c.drawImage(before, x, y, w, h);
  else if (mode === "side" && across === 2) {
    c.drawImage(before, x, y, w - d, h);
    c.drawImage(after, x + w + d, y, w - d, h);
  } else if (mode === "difference") {
    c.drawImage(before, x, y, w, h);
    c.globalCompositeOperation = "difference";
    c.drawImage(after, x, y, w, h);
    c.globalCompositeOperation = "color-dodge";
    c.fillStyle = "#bbb";
    c.fillRect(x, y, w, h);
    c.globalCompositeOperation = "source-over";
  } else {
    c.drawImage(after, x, y, w, h);
    if (mode === "wipe" && pictures.length >= 2) {
      const cut = x + w * split;
      c.save();
      c.beginPath();
      c.rect(x, y, cut - x, h);
      c.clip();
      c.drawImage(before, x, y, w, h);
      c.restore();
      c.fillStyle = "#fff";
      c.fillRect(cut - d / 2, y, d, h);
      c.beginPath();
      c.arc(cut, y + h / 2, 7 * d, 0, 7);
      c.fill();
      if (!labels) {
        tag(c, t("before"), cut - 12 * d, y + h - 10 * d, d, true);
        tag(c, t("after"), cut + 12 * d, y + h - 10 * d, d, false);
      }
    }
  }
  if (!labels) return;
  // In the corners, where a wipe never pushes them out of the picture.
  if (mode !== "after") tag(c, labels[0], x + 8 * d, y + h - 12 * d, d, false);
  if (mode !== "before") tag(c, labels[1], x + w * across - 8 * d, y + h - (mode === "side" || c.measureText(labels.join("")).width + 60 * d < w ? 12 : 34) * d, d, true);
}

// 0..1: where a pointer is across a picture that a canvas shows.
export function wipeSplit(canvas: HTMLCanvasElement, picture: ImageBitmap, event: PointerEvent): number {
  const box = canvas.getBoundingClientRect();
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const left = (box.width - picture.width * scale) / 2;
  return Math.max(0, Math.min(1, (event.clientX - box.left - left) / (picture.width * scale)));
}

function tag(c: CanvasRenderingContext2D, text: string, x: number, y: number, d: number, right: boolean): void {
  const width = c.measureText(text).width + 10 * d;
  const left = right ? x - width : x;
  c.fillStyle = "#000a";
  c.fillRect(left, y - 13 * d, width, 18 * d);
  c.fillStyle = "#fff";
  c.fillText(text, left + 5 * d, y);
}

export function drawTimeline(canvas: HTMLCanvasElement, n: number, total: number, rate: number): void {
  const { c, W, H, d } = begin(canvas);
  const at = (frame: number) => (frame / Math.max(1, total)) * W;
  c.fillStyle = color("--track");
  c.fillRect(0, 18 * d, W, H - 24 * d);
  c.fillStyle = color("--dim");
  const second = Math.max(1, rate);
  const stride = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800].find(s => at(s * second) > 64 * d) ?? 3600;
  for (let s = 0; s * second < total; s += stride) {
    c.fillRect(Math.round(at(s * second)), 12 * d, d, 6 * d);
    c.fillText(`${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`, at(s * second) + 3 * d, 10 * d);
  }
  c.fillStyle = color("--accent");
  c.fillRect(at(n), 12 * d, Math.max(2 * d, at(1)), H - 12 * d);
}

const LINES: [keyof CurveRow, string, string][] = [
  ["held_out_error", "all", "--accent"],
  ["held_out_error_eyes", "eyes", "--good"],
  ["held_out_error_mouth", "mouth", "--warn"],
  ["held_out_error_skin", "skin", "--dim"],
];

// The held-out error by region over minutes; `until` seconds marks a preview.
export function drawCurve(canvas: HTMLCanvasElement, rows: CurveRow[], until: number | null): void {
  const { c, W, H, d } = begin(canvas);
  const held = rows.filter(row => row.held_out_error !== undefined);
  const values = held.flatMap(row => LINES.map(([key]) => row[key])).filter((value): value is number => value !== undefined);
  if (!values.length) return;
  const [left, right, top, bottom] = [44 * d, 64 * d, 10 * d, 20 * d];
  const [high, end] = [Math.max(...values) * 1.05, Math.max(1, held.at(-1)!.seconds)];
  const px = (seconds: number) => left + (seconds / end) * (W - left - right);
  const py = (value: number) => top + (1 - value / high) * (H - top - bottom);
  c.strokeStyle = color("--line");
  c.fillStyle = color("--dim");
  c.lineWidth = d;
  for (let i = 0; i <= 4; i++) {
    const value = (high * i) / 4;
    c.beginPath();
    c.moveTo(left, py(value));
    c.lineTo(W - right, py(value));
    c.stroke();
    c.fillText(number(value, 3), 6 * d, py(value) + 4 * d);
  }
  c.fillText(`${number(end / 60, 1)} min`, W - right - 38 * d, H - 5 * d);
  c.lineWidth = 1.6 * d;
  for (const [key, name, ink] of LINES) {
    const points = held.filter(row => row[key] !== undefined);
    if (!points.length) continue;
    c.strokeStyle = c.fillStyle = color(ink);
    c.beginPath();
    points.forEach(row => c.lineTo(px(row.seconds), py(row[key]!)));
    c.stroke();
    points.forEach(row => c.fillRect(px(row.seconds) - 1.5 * d, py(row[key]!) - 1.5 * d, 3 * d, 3 * d));
    c.fillText(told(name), W - right + 8 * d, py(points.at(-1)![key]!) + 4 * d);
  }
  if (until !== null) {
    c.fillStyle = color("--text");
    c.fillRect(px(until), top, d, H - top - bottom);
  }
}

// Faces by yaw and pitch, cells of ten degrees; the more, the brighter.
export function drawCoverage(canvas: HTMLCanvasElement, faces: FaceColumns, rows: number[]): void {
  const { c, W, H, d } = begin(canvas);
  const [across, down] = [18, 12];
  const counts = new Map<number, number>();
  for (const row of rows) {
    const x = Math.max(0, Math.min(across - 1, Math.floor((faces.yaw[row]! + 90) / 10)));
    const y = Math.max(0, Math.min(down - 1, Math.floor((faces.pitch[row]! + 60) / 10)));
    counts.set(y * across + x, (counts.get(y * across + x) ?? 0) + 1);
  }
  const most = Math.max(1, ...counts.values());
  const [w, h] = [W / across, (H - 14 * d) / down];
  for (let cell = 0; cell < across * down; cell++) {
    const n = counts.get(cell) ?? 0;
    c.globalAlpha = n ? 0.25 + (0.75 * Math.log1p(n)) / Math.log1p(most) : 1;
    c.fillStyle = n ? color("--accent") : color("--track");
    c.fillRect((cell % across) * w, Math.floor(cell / across) * h, w - d, h - d);
  }
  c.globalAlpha = 1;
  c.fillStyle = color("--dim");
  ["−90°", t("yaw 0°"), "90°"].forEach((text, i) => c.fillText(text, [0, W / 2 - 18 * d, W - 24 * d][i]!, H - 3 * d));
}
