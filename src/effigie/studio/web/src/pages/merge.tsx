// Merge: a project on a model. What is shown is what `convert` makes of the saved file, and the page says how near it is.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, startAndWatch } from "../api";
import { Next } from "../controls";
import { freeName } from "../format";
import { useKeys } from "../keys";
import { type Message, language, number, t, told } from "../language";
import { live } from "../live";
import { brush, setBrush } from "../merge/brush";
import { BrushPanel } from "../merge/brush-panel";
import * as desk from "../merge/desk";
import { Inspector } from "../merge/inspector";
import { NewProject } from "../merge/new-project";
import { addShot, borders, copyLook, shotAt, toggleKey } from "../merge/project";
import { ShotPanel } from "../merge/shot-panel";
import { drawTrack } from "../merge/timeline";
import { usePaint } from "../merge/use-paint";
import { type Mode, drawFrame, wipeSplit } from "../paint";
import { focus, go, library, notify, takenNames } from "../state";
import { theme } from "../theme";
import { Timeline, Transport, Views, grab, pictureWidth, stepKeys, useSize } from "../transport";
import type { ClipInfo } from "../types";

const MODES: [Mode, Message, string][] = [
  ["wipe", "Wipe", "W"],
  ["side", "Side by side", "S"],
  ["difference", "Difference", "D"],
  ["mask", "Mask", "M"],
  ["before", "Before", "A"],
  ["after", "After", "A"],
];
const STATES: Record<desk.Kind, [string, Message]> = {
  film: ["good", "The film's frame: what convert writes of the saved project, to the last bit before it is encoded"],
  settled: ["warn", "Settled: composed from eight frames before on, within half a grey level of the film's; that one follows"],
  draft: ["draft", "Draft: this frame by itself; the film's follows"],
  footage: ["draft", "The footage; the models are still loaded"],
};

export function Merge() {
  const { projects, models, clips } = library.value!;
  const chosen = projects.find(one => one.id === focus.value) ?? projects[0];
  const [asks, ask] = useState(false);
  useEffect(() => (chosen ? desk.openDesk(chosen.id) : undefined), [chosen?.id]);
  if (!models.length) {
    return (
      <Next title={t("No model yet")} text={t("Merging works on a model: train one, or swap a clip at once, and its model appears here.")}>
        <button class="main" onClick={() => go("train")}>
          {t("Train a model")}
        </button>
        <button onClick={() => go("swap")}>{t("Swap at once")}</button>
      </Next>
    );
  }
  return (
    <>
      {chosen ? (
        <Desk key={chosen.id} name={chosen.name} id={chosen.id} ask={() => ask(true)} />
      ) : (
        <Next title={t("No project yet")} text={t("A project is a model, a clip, and all that you decide about them: a text file that convert replays.")}>
          <button class="main" disabled={!clips.some(clip => clip.video)} onClick={() => ask(true)}>
            {t("New project")}
          </button>
        </Next>
      )}
      {asks && <NewProject close={() => ask(false)} />}
    </>
  );
}

function Desk(props: { name: string; id: string; ask: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bar = useRef<HTMLCanvasElement>(null);
  const [info, setInfo] = useState<ClipInfo | null>(null);
  const [n, setN] = useState(0);
  const [mode, setMode] = useState<Mode>("wipe");
  const [split, setSplit] = useState(0.5);
  const [marks, setMarks] = useState<{ in: number | null; out: number | null }>({ in: null, out: null });
  const [playing, setPlaying] = useState(0);
  const size = useSize(canvas);
  const project = desk.project.value;
  const shown = desk.shown.value;
  const { loading, measured, found, count: counted } = desk.progress.value;
  const count = Math.max(1, counted ?? info?.frames ?? 1);
  const rate = info?.rate ?? 25;
  const to = (frame: number) => setN(Math.max(0, Math.min(count - 1, Math.round(frame))));

  // Until the models are there, the footage's own frames are.
  useEffect(() => {
    if (!desk.clip.value) return;
    get<ClipInfo>(`/api/clips/${desk.clip.value}`).then(setInfo, () => {});
    live.attach(
      got => {
        if (!desk.trouble.value && (!desk.shown.value || desk.shown.value.state === "footage"))
          desk.shown.value = { n: got.n, state: "footage", ms: got.ms, pictures: [got.pictures[0]!, got.pictures[0]!], faces: [], size: [0, 0] };
      },
      () => {},
    );
    return () => live.attach(() => {}, () => {});
  }, [desk.clip.value]);
  useEffect(() => {
    if (loading && desk.clip.value) live.wish({ n, width: pictureWidth(canvas), clips: [desk.clip.value] });
    desk.show(n, pictureWidth(canvas));
  }, [n, desk.clip.value, size]);
  useEffect(() => {
    if (!playing || shown?.n !== n) return;
    if (n + playing < 0 || n + playing >= count) return setPlaying(0);
    const timer = setTimeout(() => to(n + playing), 1000 / rate);
    return () => clearTimeout(timer);
  }, [playing, shown]);
  useEffect(() => {
    if (canvas.current) drawFrame(canvas.current, shown?.pictures ?? [], mode, split);
    if (bar.current) drawTrack(bar.current, project, { n, count, rate, measured, found, ...marks });
  }, [shown, mode, split, size, n, count, rate, measured, found, marks, project, theme.value, language.value]);

  const shot = project && shotAt(project, n);
  const hasKey = shot?.keys?.some(key => key.frame === n);
  const edit = (next: typeof project) => next && (desk.endOfChange(), desk.change(next));
  const range: [number, number] = [Math.min(marks.in ?? 0, marks.out ?? count - 1), Math.max(marks.in ?? 0, marks.out ?? count - 1)];
  const makeShot = () => project && (edit(addShot(project, ...range)), setMarks({ in: null, out: null }));
  const key = () => {
    if (!project) return;
    if (!shot) return notify(t("a key belongs to a shot: mark one with I and O first"), true);
    edit(toggleKey(project, n));
  };
  const jump = (way: number) => {
    if (!project) return;
    const places = borders(project, count, found);
    to((way > 0 ? places.find(place => place > n) : places.filter(place => place < n).at(-1)) ?? n);
  };
  const render = () =>
    desk.save(async () => {
      const name = freeName(props.name.replace(/^.*\//, ""), takenNames.value, ".mp4");
      await startAndWatch("render", { project: props.id, name });
    });
  useKeys({
    ...stepKeys(n, count - 1, to),
    PageUp: () => jump(-1),
    PageDown: () => jump(1),
    l: () => setPlaying(1),
    k: () => setPlaying(0),
    j: () => setPlaying(-1),
    " ": () => setPlaying(playing ? 0 : 1),
    i: () => setMarks(now => ({ ...now, in: n })),
    o: () => setMarks(now => ({ ...now, out: n })),
    n: makeShot,
    f: key,
    w: () => setMode("wipe"),
    s: () => setMode("side"),
    d: () => setMode("difference"),
    m: () => setMode("mask"),
    a: () => setMode(mode === "before" ? "after" : "before"),
    b: () => setBrush({ on: !brush.value.on }),
    "[": () => (brush.value.on ? setBrush({ size: brush.value.size / 1.2 }) : setSplit(Math.max(0, split - 0.05))),
    "]": () => (brush.value.on ? setBrush({ size: brush.value.size * 1.2 }) : setSplit(Math.min(1, split + 0.05))),
    "Ctrl+z": desk.undo,
    "Ctrl+s": () => desk.save(),
  });
  const { paint, lift, ring, leave } = usePaint(canvas, n, mode === "side");
  const point = (event: PointerEvent) => (brush.value.on ? paint(event) : wipe(event));
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
  const { projects } = library.value!;
  return (
    <div class="split merge">
      <div class="stage">
        <div class="bar">
          <select aria-label={t("Project")} class="short" value={props.id} onChange={event => go("merge", event.currentTarget.value)}>
            {projects.map(one => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <button onClick={props.ask}>{t("New")}</button>
          <span class="space" />
          <Views modes={MODES} mode={mode} choose={setMode} />
          <span class="space" />
          <button title="Ctrl+Z" disabled={!desk.canUndo.value} onClick={desk.undo}>
            {t("Undo")}
          </button>
          <button title={t("Ctrl+S; comments in the file stay")} disabled={!desk.isDirty.value} onClick={() => desk.save()}>
            {desk.isDirty.value ? t("● Save") : t("Saved")}
          </button>
          <button class="main" disabled={!project} onClick={render}>
            {t("Render")}
          </button>
        </div>
        <div class="viewer">
          <canvas
            class={brush.value.on ? "frame brush" : "frame"}
            ref={canvas}
            role="img"
            aria-label={t("{name}, frame {n}, {state}", { name: props.name, n: shown?.n ?? n, state: told(shown?.state ?? "nothing yet") })}
            onPointerDown={grab(point)}
            onPointerMove={point}
            onPointerUp={lift}
            onPointerLeave={leave}
          />
          {brush.value.on && ring && <span class="ring" style={{ left: `${ring.x - ring.size / 2}px`, top: `${ring.y - ring.size / 2}px`, width: `${ring.size}px`, height: `${ring.size}px` }} />}
          {desk.trouble.value && (
            <p class="over" role="alert">
              {desk.trouble.value}
            </p>
          )}
          <Transport n={n} last={count - 1} count={count} rate={rate} playing={playing !== 0} play={() => setPlaying(playing ? 0 : 1)} to={to}>
            <span class={`state ${tone}`} title={t(why)} data-state={shown && fresh ? shown.state : "none"}>
              {shown ? (fresh ? told(shown.state) : t("shows {n}", { n: shown.n })) : "…"}
            </span>
            <span class="dim mono">{shown && fresh ? `${number(shown.ms)} ms` : ""}</span>
            <span class="dim">{loading ? `${told(loading)} …` : measured < count ? t("measured to {n}", { n: measured }) : ""}</span>
          </Transport>
          <div class="row transport shots">
            <button title="I" aria-pressed={marks.in !== null} onClick={() => setMarks({ ...marks, in: n })}>
              {t("In")}
            </button>
            <button title="O" aria-pressed={marks.out !== null} onClick={() => setMarks({ ...marks, out: n })}>
              {t("Out")}
            </button>
            <button title="N" onClick={makeShot} disabled={!project}>
              {t("Make a shot")}
            </button>
            <button title="F" aria-pressed={!!hasKey} onClick={key} disabled={!shot}>
              {t("◆ Key")}
            </button>
            <span class="space" />
            <button title={t("The look of this frame for everything before its shot")} onClick={() => project && edit(copyLook(project, n, "before", count))}>
              {t("⇤ Copy to all before")}
            </button>
            <button title={t("The look of this frame for everything after its shot")} onClick={() => project && edit(copyLook(project, n, "after", count))}>
              {t("Copy to all after ⇥")}
            </button>
          </div>
          <Timeline bar={bar} n={n} count={count} class="timeline tall" onPointerDown={grab(scrub)} onPointerMove={scrub} />
        </div>
      </div>
      <aside class="side">
        {project && (
          <>
            <ShotPanel project={project} n={n} count={count} />
            <BrushPanel project={project} n={n} />
            <Inspector project={project} n={n} />
          </>
        )}
      </aside>
    </div>
  );
}
