// Compare: one frame of a clip as two models make it, side by side or under a wipe; each is named with its steps.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api";
import { NoFootage } from "../controls";
import { trained } from "../format";
import { useKeys } from "../keys";
import { type Message, language, t, told } from "../language";
import { type Mode, drawFrame, drawTimeline, wipeSplit } from "../paint";
import { library } from "../state";
import { theme } from "../theme";
import { Timeline, Transport, Views, grab, pictureWidth, stepKeys, useSize } from "../transport";
import type { ClipInfo, Model } from "../types";
import * as desk from "./desk";

const MODES: [Mode, Message, string][] = [
  ["wipe", "Wipe", "W"],
  ["side", "Side by side", "S"],
  ["difference", "Difference", "D"],
  ["before", "Only A", "A"],
  ["after", "Only B", "A"],
];
const STATES: Record<desk.Kind, [string, Message]> = {
  film: ["good", "The films' frames: what convert writes with either model, to the last bit before it is encoded"],
  settled: ["warn", "Settled: composed from eight frames before on, within half a grey level of the film's; that one follows"],
  draft: ["draft", "Draft: this frame by itself; the film's follows"],
};

export function Compare({ first }: { first: Model }) {
  const { clips, models } = library.value!;
  const videos = clips.filter(clip => clip.video);
  const others = models.filter(model => model.id !== first.id);
  const [other, setOther] = useState("");
  const [clip, setClip] = useState("");
  const second = others.find(model => model.id === other) ?? others[0]!;
  const footage = videos.find(one => one.id === clip) ?? videos[0];
  if (!footage) {
    return <NoFootage />;
  }
  return (
    <>
      <div class="bar">
        <label class="field">
          <span>{t("beside")}</span>
          <select aria-label={t("Model beside it")} value={second.id} onChange={event => setOther(event.currentTarget.value)}>
            {others.map(one => (
              <option key={one.id} value={one.id}>
                {trained(one.name, one.steps)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t("Footage")}</span>
          <select aria-label={t("Footage")} value={footage.id} onChange={event => setClip(event.currentTarget.value)}>
            {videos.map(one => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Desk key={[footage.id, first.id, second.id].join()} clip={footage.id} models={[first, second]} />
    </>
  );
}

function Desk({ clip, models }: { clip: string; models: [Model, Model] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bar = useRef<HTMLCanvasElement>(null);
  const [info, setInfo] = useState<ClipInfo | null>(null);
  const [n, setN] = useState(0);
  const [mode, setMode] = useState<Mode>("wipe");
  const [split, setSplit] = useState(0.5);
  const [playing, setPlaying] = useState(0);
  const size = useSize(canvas);
  const shown = desk.shown.value;
  const { loading, measured, found, count: counted, models: opened } = desk.progress.value;
  const count = Math.max(1, counted ?? info?.frames ?? 1);
  const rate = info?.rate ?? 25;
  const to = (frame: number) => setN(Math.max(0, Math.min(count - 1, Math.round(frame))));
  // What was opened, for training may have gone on since the library was read.
  const labels = models.map((one, index) => `${"AB"[index]} · ${trained(one.name, opened[index]?.steps ?? one.steps)}`) as [string, string];

  useEffect(() => desk.openDesk(clip, models.map(one => one.id)), []);
  useEffect(() => void get<ClipInfo>(`/api/clips/${clip}`).then(setInfo, () => {}), []);
  useEffect(() => desk.show(n, pictureWidth(canvas)), [n, size]);
  useEffect(() => {
    if (!playing || shown?.n !== n) return;
    if (n + playing < 0 || n + playing >= count) return setPlaying(0);
    const timer = setTimeout(() => to(n + playing), 1000 / rate);
    return () => clearTimeout(timer);
  }, [playing, shown]);
  useEffect(() => {
    if (canvas.current) drawFrame(canvas.current, shown?.pictures ?? [], mode, split, labels);
    if (bar.current) drawTimeline(bar.current, n, count, rate);
  }, [shown, mode, split, size, n, count, rate, labels.join(), theme.value, language.value]);
  useKeys({
    ...stepKeys(n, count - 1, to),
    l: () => setPlaying(1),
    k: () => setPlaying(0),
    j: () => setPlaying(-1),
    " ": () => setPlaying(playing ? 0 : 1),
    w: () => setMode("wipe"),
    s: () => setMode("side"),
    d: () => setMode("difference"),
    a: () => setMode(mode === "before" ? "after" : "before"),
    "[": () => setSplit(Math.max(0, split - 0.05)),
    "]": () => setSplit(Math.min(1, split + 0.05)),
  });

  const wipe = (event: PointerEvent) => {
    if (mode === "wipe" && event.buttons & 1 && canvas.current && shown?.pictures[0]) setSplit(wipeSplit(canvas.current, shown.pictures[0], event));
  };
  const scrub = (event: PointerEvent) => {
    if (!(event.buttons & 1) || !bar.current) return;
    const box = bar.current.getBoundingClientRect();
    to(Math.floor(((event.clientX - box.left) / box.width) * count));
  };
  const fresh = shown?.n === n;
  const [tone, why]: [string, Message] = shown && fresh ? STATES[shown.state] : ["draft", "the frame is on its way"];
  const isMeasured = counted !== null && measured >= counted;
  const lacks = models.flatMap((one, index) => {
    if (isMeasured && !found[index]?.length) return [t("{name} finds nobody in this clip whose face it replaces: choose footage of the person it was trained for", { name: one.name })];
    return shown && fresh && !shown.replaced[index] ? [t("{name} replaces nobody in this frame", { name: one.name })] : [];
  });
  return (
    <div class="viewer">
      <canvas
        class="frame"
        ref={canvas}
        role="img"
        aria-label={t("{name}, frame {n}, {state}", { name: labels.join(", "), n: shown?.n ?? n, state: told(shown?.state ?? "nothing yet") })}
        onPointerDown={grab(wipe)}
        onPointerMove={wipe}
      />
      {desk.trouble.value && (
        <p class="over" role="alert">
          {desk.trouble.value}
        </p>
      )}
      {lacks.map(line => (
        <p key={line} class="warn line" role="status">
          {line}
        </p>
      ))}
      <Transport n={n} last={count - 1} count={count} rate={rate} playing={playing !== 0} play={() => setPlaying(playing ? 0 : 1)} to={to}>
        <span class={`state ${tone}`} title={t(why)} data-state={shown && fresh ? shown.state : "none"}>
          {shown ? (fresh ? told(shown.state) : t("shows {n}", { n: shown.n })) : "…"}
        </span>
        <span class="dim">{loading ? `${told(loading)} …` : counted !== null && measured < counted ? t("measured to {n}", { n: measured }) : ""}</span>
        <span class="space" />
        <Views modes={MODES} mode={mode} choose={setMode} />
      </Transport>
      <Timeline bar={bar} n={n} count={count} onPointerDown={grab(scrub)} onPointerMove={scrub} />
    </div>
  );
}
