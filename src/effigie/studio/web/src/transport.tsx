// What every viewer has: a canvas that is drawn again when it grows, play and stop, the frame's number, keys to step.
import type { CanvasHTMLAttributes, ComponentChildren, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { timecode } from "./format";
import type { Keys } from "./keys";
import { type Message, number, t } from "./language";

type Canvas = RefObject<HTMLCanvasElement | null>;

// A number that changes whenever the canvas has another size.
export function useSize(canvas: Canvas): number {
  const [size, setSize] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(() => setSize(Date.now()));
    if (canvas.current) watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);
  return size;
}

// Px across that a picture for the canvas needs.
export const pictureWidth = (canvas: Canvas): number => Math.round(Math.min(4096, Math.max(320, (canvas.current?.clientWidth ?? 960) * devicePixelRatio)));

// What a pointer does, from where it goes down until it comes up, wherever it goes.
export const grab = (act: (event: PointerEvent) => void) => (event: PointerEvent) => {
  (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  act(event);
};

export function stepKeys(n: number, last: number, to: (frame: number) => void): Keys {
  const step = (by: number) => (event: KeyboardEvent) => to(n + by * (event.shiftKey ? 10 : 1));
  return {
    ArrowRight: step(1),
    ArrowLeft: step(-1),
    Home: () => to(0),
    End: () => to(last),
    "Ctrl+g": () => document.querySelector<HTMLInputElement>("#frame-number")?.select(),
  };
}

export function Transport(props: { n: number; last: number; count: number; rate: number; playing: boolean; play: () => void; to: (frame: number) => void; children: ComponentChildren }) {
  return (
    <div class="row transport">
      <button aria-label={props.playing ? t("Stop") : t("Play")} title={t("Space")} onClick={props.play}>
        {props.playing ? "❚❚" : "▶"}
      </button>
      <b class="mono">{timecode(props.n, props.rate)}</b>
      <label class="inline">
        {t("frame")}
        <input id="frame-number" class="mono" type="number" min={0} max={props.last} value={props.n} onChange={event => props.to(+event.currentTarget.value)} />
        {t("of {n}", { n: number(props.count) })}
      </label>
      {props.children}
    </div>
  );
}

// The line under a picture that is drawn on: a slider over the frames, with what a page adds.
export function Timeline({ bar, n, count, ...more }: { bar: Canvas; n: number; count: number } & CanvasHTMLAttributes<HTMLCanvasElement>) {
  return <canvas class="timeline" ref={bar} role="slider" tabIndex={0} aria-label={t("Frame")} aria-valuemin={0} aria-valuemax={count - 1} aria-valuenow={n} {...more} />;
}

// How two pictures are shown: of each way its value, its name and its key.
export function Views<Mode extends string>(props: { modes: readonly (readonly [Mode, Message, string])[]; mode: Mode; choose: (mode: Mode) => void }) {
  return (
    <div class="group" role="group" aria-label={t("View")}>
      {props.modes.map(([value, name, key]) => (
        <button key={value} title={key} aria-pressed={props.mode === value} onClick={() => props.choose(value)}>
          {t(name)}
        </button>
      ))}
    </div>
  );
}
