// The viewer: exact frames of a clip, or of a clip and its swap, by number; wipe, side by side, difference.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api";
import { useKeys } from "./keys";
import { type Message, language, number, t } from "./language";
import { type Shown, live } from "./live";
import { type Mode, drawFrame, drawTimeline, wipeSplit } from "./paint";
import { theme } from "./theme";
import { Timeline, Transport, Views, grab, pictureWidth, stepKeys, useSize } from "./transport";
import type { ClipInfo } from "./types";

const MODES: [Mode, Message, string][] = [
  ["wipe", "Wipe", "W"],
  ["side", "Side by side", "S"],
  ["difference", "Difference", "D"],
  ["before", "Before", "A"],
  ["after", "After", "A"],
];

// `clips`: ids, the clip before and the one after; or one clip alone.
// `jump`: where to go, whenever it is another object.
export function Viewer(props: { clips: string[]; label: string; jump?: { frame: number } | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bar = useRef<HTMLCanvasElement>(null);
  const [info, setInfo] = useState<ClipInfo | null>(null);
  const [error, setError] = useState("");
  const [n, setN] = useState(0);
  const [mode, setMode] = useState<Mode>("wipe");
  const [split, setSplit] = useState(0.5);
  const [shown, setShown] = useState<Shown | null>(null);
  const [playing, setPlaying] = useState(0);
  const size = useSize(canvas);
  const two = props.clips.length === 2;
  const last = (info?.frames ?? 1) - 1;
  const rate = info?.rate ?? 25;
  const to = (frame: number) => setN(Math.max(0, Math.min(last, Math.round(frame))));

  useEffect(() => {
    setInfo(null);
    setError("");
    setShown(null);
    setN(0);
    setPlaying(0);
    let current = true;
    Promise.all(props.clips.map(id => get<ClipInfo>(`/api/clips/${id}`)))
      .then(found => current && setInfo({ ...found[0]!, frames: Math.min(...found.map(one => one.frames)) }))
      .catch(reason => current && setError(reason.message));
    return () => void (current = false);
  }, [props.clips.join()]);

  useEffect(() => {
    if (props.jump && info) to(props.jump.frame);
  }, [props.jump, info]);

  useEffect(() => {
    live.attach(
      got => {
        setShown(got);
        setError("");
      },
      reason => setError(reason),
    );
    return () => live.attach(() => {}, () => {});
  }, [props.clips.join()]);

  useEffect(() => {
    if (!info) return;
    live.wish({ n, width: pictureWidth(canvas), clips: props.clips });
  }, [info, n, props.clips.join()]);

  useEffect(() => {
    if (!playing || !shown) return;
    if (n + playing < 0 || n + playing > last) return setPlaying(0);
    const timer = setTimeout(() => to(n + playing), 1000 / rate);
    return () => clearTimeout(timer);
  }, [playing, shown]);

  useEffect(() => {
    if (canvas.current) drawFrame(canvas.current, shown?.pictures ?? [], two ? mode : "after", split);
    if (bar.current) drawTimeline(bar.current, n, last + 1, rate);
  }, [shown, mode, split, size, n, last, theme.value, language.value]);

  useKeys({
    ...stepKeys(n, last, to),
    l: () => setPlaying(1),
    k: () => setPlaying(0),
    j: () => setPlaying(-1),
    " ": () => setPlaying(playing ? 0 : 1),
    ...(two && {
      w: () => setMode("wipe"),
      s: () => setMode("side"),
      d: () => setMode("difference"),
      a: () => setMode(mode === "before" ? "after" : "before"),
      "[": () => setSplit(Math.max(0, split - 0.05)),
      "]": () => setSplit(Math.min(1, split + 0.05)),
    }),
  });

  const wipe = (event: PointerEvent) => {
    if (!two || mode !== "wipe" || !(event.buttons & 1) || !canvas.current || !shown?.pictures[0]) return;
    setSplit(wipeSplit(canvas.current, shown.pictures[0], event));
  };
  const scrub = (event: PointerEvent) => {
    if (!(event.buttons & 1) || !bar.current) return;
    const box = bar.current.getBoundingClientRect();
    to(Math.floor(((event.clientX - box.left) / box.width) * (last + 1)));
  };
  const fresh = shown?.n === n;
  return (
    <div class="viewer">
      <canvas class="frame" ref={canvas} role="img" aria-label={t("{name}, frame {n}", { name: props.label, n: shown?.n ?? n })} onPointerDown={grab(wipe)} onPointerMove={wipe} />
      {error && (
        <p class="over" role="alert">
          {error}
        </p>
      )}
      <Transport n={n} last={last} count={last + 1} rate={rate} playing={playing !== 0} play={() => setPlaying(playing ? 0 : 1)} to={to}>
        <span class={fresh ? "dim" : "warn"}>{shown ? (fresh ? t("exact · {ms} ms", { ms: number(shown.ms) }) : t("shows {n}", { n: shown.n })) : ""}</span>
        <span class="space" />
        {two && (
          <Views modes={MODES} mode={mode} choose={setMode} />
        )}
      </Transport>
      <Timeline bar={bar} n={n} count={last + 1} onPointerDown={grab(scrub)} onPointerMove={scrub} />
    </div>
  );
}
