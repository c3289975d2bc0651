// Heads: a portrait that shows what sliders say, at once; keys over time become a template, and the template a film.
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt, put, startAndWatch } from "../api";
import { Choice, FileButton, Next, Panel } from "../controls";
import { freeName, stem } from "../format";
import * as desk from "../heads/desk";
import { Inspector } from "../heads/inspector";
import { EXPRESSION, type Ease, frameOf, keyAt, lastTime, moveKey, named, setEase, setValues, timeOf, toggleKey, valueAt } from "../heads/template";
import { drawLanes, frameAt, laneHeight } from "../heads/timeline";
import { useKeys } from "../keys";
import { type Message, language, number, t, told } from "../language";
import { begin } from "../paint";
import { focus, go, library, takenNames, validRecords } from "../state";
import { theme } from "../theme";
import { Timeline, Transport, grab, pictureWidth, stepKeys, useSize } from "../transport";

const STATES: Record<string, [string, Message]> = {
  film: ["good", "The film's frame: what animate writes of the saved template, to the last bit before it is encoded"],
  draft: ["draft", "Draft: by geometry alone; the film's frame follows when nothing moves"],
};
const DEGREES_PER_PX = 0.12;

export function Heads() {
  const { clips } = library.value!;
  const portrait = clips.find(one => one.id === focus.value) ?? clips.find(one => !one.video) ?? clips[0];
  const [driver, setDriver] = useState("");
  const [speech, setSpeech] = useState("");
  useEffect(() => (portrait ? desk.openDesk(portrait.id, driver) : undefined), [portrait?.id, driver]);
  if (!portrait) {
    return (
      <Next title={t("No portrait yet")} text={t("Bring a picture of the person who will move, or a clip: its calmest frame is taken.")}>
        <button class="main" onClick={() => go("clips")}>
          {t("To the clips")}
        </button>
      </Next>
    );
  }
  return <Desk key={portrait.id} id={portrait.id} name={stem(portrait.name)} moves={{ driver, setDriver, speech, setSpeech }} />;
}

interface Moves { driver: string; setDriver: (id: string) => void; speech: string; setSpeech: (id: string) => void }

function Desk(props: { id: string; name: string; moves: Moves }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const bar = useRef<HTMLCanvasElement>(null);
  const [n, setN] = useState(0);
  const [playing, setPlaying] = useState(false);
  const size = useSize(canvas);
  const [held, hold] = useState<number | null>(null); // time of the key that is dragged
  const { clips, templates } = library.value!;
  const template = desk.template.value;
  const open = desk.opened.value;
  const shown = desk.shown.value;
  const rate = open?.rate ?? template.rate;
  const count = open?.frames ?? Math.max(1, Math.floor(lastTime(template) * template.rate + 1e-6) + 1);
  // Beyond the last key there is room for the next one.
  const room = open?.frames ?? Math.max(count, Math.ceil(template.rate * Math.max(2, lastTime(template) + 1)));
  const time = timeOf(n, rate);
  const key = keyAt(template, time);
  const to = (frame: number) => setN(Math.max(0, Math.min(room - 1, Math.round(frame))));

  useEffect(() => desk.show(Math.min(n, count - 1), pictureWidth(canvas), playing), [n, size, count]);
  useEffect(() => {
    if (!playing || shown?.n !== n) return;
    const timer = setTimeout(() => setN(n + 1 < count ? n + 1 : 0), 1000 / rate);
    return () => clearTimeout(timer);
  }, [playing, shown]);
  useEffect(() => {
    if (!playing) desk.show(Math.min(n, count - 1), pictureWidth(canvas));
  }, [playing]);
  useEffect(() => {
    if (canvas.current) drawPortrait(canvas.current, shown?.picture);
    if (bar.current) drawLanes(bar.current, template, { n, count: room, rate, controls: desk.controls.value });
  }, [shown, size, n, room, rate, template, desk.controls.value, theme.value, language.value]);

  const own = open?.own ?? {};
  const edit = (next: typeof template) => (desk.endOfChange(), desk.change(next));
  const calm = () => edit(setValues(template, time, Object.fromEntries(EXPRESSION.map(name => [name, 0])), own));
  const jump = (way: number) => {
    const frames = template.keys.map(one => frameOf(template, one, rate)).sort((a, b) => a - b);
    to((way > 0 ? frames.find(frame => frame > n) : frames.filter(frame => frame < n).at(-1)) ?? n);
  };
  const save = () => desk.save(freeName(props.name, templates));
  useKeys({
    ...stepKeys(n, count - 1, to),
    PageUp: () => jump(-1),
    PageDown: () => jump(1),
    " ": () => setPlaying(!playing),
    l: () => setPlaying(true),
    k: () => setPlaying(false),
    f: () => edit(toggleKey(template, time)),
    c: calm,
    "Ctrl+z": desk.undo,
    "Ctrl+s": () => attempt(save),
  });

  const render = () =>
    attempt(async () => {
      const id = desk.isDirty.value || !desk.file.value ? await save() : desk.file.value;
      const name = freeName(`${props.name}-animated`, takenNames.value, ".mp4");
      const { driver, speech } = props.moves;
      await startAndWatch("animate", { portrait: props.id, template: id, ...(driver && { driver }), ...(speech && { speech }), name });
    });

  // On the picture: the head follows the pointer; with Shift the eyes do.
  const start = useRef({ x: 0, y: 0, values: {} as Record<string, number> });
  const names = (event: PointerEvent) => (event.shiftKey ? ["gaze_x", "gaze_y"] : ["yaw", "pitch"]);
  const grabHead = (event: PointerEvent) => {
    const values = Object.fromEntries(["yaw", "pitch", "gaze_x", "gaze_y"].map(name => [name, valueAt(template, name, time) ?? own[name] ?? 0]));
    start.current = { x: event.clientX, y: event.clientY, values };
    desk.endOfChange();
  };
  const turnHead = (event: PointerEvent) => {
    if (!(event.buttons & 1) || !open) return;
    const [across, down] = names(event) as [string, string];
    const scale = across === "yaw" ? DEGREES_PER_PX : 0.006;
    const within = (name: string, by: number) => {
      const control = desk.controls.value.find(one => one.name === name)!;
      return +Math.max(control.low, Math.min(control.high, start.current.values[name]! + by * scale)).toFixed(3);
    };
    const moved = { [across]: within(across, event.clientX - start.current.x), [down]: within(down, event.clientY - start.current.y) };
    desk.change(setValues(template, time, moved, own), across, true);
  };
  const grabKey = (event: PointerEvent) => {
    const frame = frameAt(bar.current!, event, room);
    to(frame);
    const under = template.keys.find(one => one.time > 0 && Math.abs(frameOf(template, one, rate) - frame) <= room / 150);
    hold(under ? under.time : null);
    desk.endOfChange();
  };
  const drag = (event: PointerEvent) => {
    if (!(event.buttons & 1)) return;
    const frame = frameAt(bar.current!, event, room);
    to(frame);
    if (held === null || frame === 0) return;
    desk.change(moveKey(template, held, timeOf(frame, rate)), "move", true);
    hold(timeOf(frame, rate));
  };

  const fresh = shown?.n === Math.min(n, count - 1);
  const [tone, why]: [string, Message] = shown && fresh ? STATES[shown.state]! : ["draft", "the frame is on its way"];
  return (
    <div class="split heads">
      <div class="stage">
        <div class="bar">
          <select aria-label={t("Portrait")} class="short" value={props.id} onChange={event => go("heads", event.currentTarget.value)}>
            {clips.map(one => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <select aria-label={t("Template")} class="short" value={desk.file.value} onChange={event => attempt(() => desk.openTemplate(event.currentTarget.value))}>
            <option value="">{t("new template")}</option>
            {templates.map(one => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
          <span class="space" />
          <button title={t("C: no smile, mouth shut, lids and brows at rest, as a key here")} disabled={!open} onClick={calm}>
            {t("Neutralise")}
          </button>
          <button title={t("All as the portrait has it")} disabled={!named(template).length} onClick={() => edit({ ...template, keys: [{ time: 0, ease: "smooth" }] })}>
            {t("Reset")}
          </button>
          <span class="space" />
          <button title="Ctrl+Z" disabled={!desk.canUndo.value} onClick={desk.undo}>
            {t("Undo")}
          </button>
          <button title={t("Ctrl+S; comments in the file stay")} disabled={!desk.isDirty.value} onClick={() => attempt(save)}>
            {desk.isDirty.value ? t("● Save") : t("Saved")}
          </button>
          <button class="main" disabled={!open} title={t("animate, as a job")} onClick={render}>
            {t("Render")}
          </button>
        </div>
        <div class="viewer">
          <canvas
            class="frame grab"
            ref={canvas}
            role="img"
            aria-label={t("{name}, frame {n}, {state}", { name: props.name, n: shown?.n ?? n, state: told(shown?.state ?? "nothing yet") })}
            title={t("Drag: the head turns; with Shift the eyes")}
            onPointerDown={grab(grabHead)}
            onPointerMove={turnHead}
            onPointerUp={desk.endOfChange}
          />
          {desk.trouble.value && (
            <p class="over" role="alert">
              {desk.trouble.value}
            </p>
          )}
          <Transport n={n} last={room - 1} count={count} rate={rate} playing={playing} play={() => setPlaying(!playing)} to={to}>
            <span class={`state ${tone}`} title={t(why)} data-state={shown && fresh ? shown.state : "none"}>
              {shown ? (fresh ? told(shown.state) : t("shows {n}", { n: shown.n })) : "…"}
            </span>
            <span class="dim mono">{shown && fresh ? `${number(shown.ms)} ms` : ""}</span>
            <span class="dim">{desk.loading.value ? `${told(desk.loading.value)} …` : ""}</span>
            <span class="space" />
            <button title="F" aria-pressed={!!key} onClick={() => edit(toggleKey(template, time))} disabled={!named(template).length}>
              {t("◆ Key")}
            </button>
            <div class="group" role="group" aria-label={t("How values come to this key")}>
              {(["smooth", "linear", "hold"] as Ease[]).map(ease => (
                <button key={ease} disabled={!key || key.time === 0} aria-pressed={key?.ease === ease} onClick={() => edit(setEase(template, time, ease))}>
                  {told(ease)}
                </button>
              ))}
            </div>
          </Transport>
          <Timeline
            bar={bar}
            n={n}
            count={room}
            class="timeline lanes"
            style={{ height: `${laneHeight(template)}px` }}
            title={t("Drag a key to move it")}
            onPointerDown={grab(grabKey)}
            onPointerMove={drag}
            onPointerUp={() => (hold(null), desk.endOfChange())}
          />
        </div>
      </div>
      <aside class="side">
        <Inspector n={n} rate={rate} />
        <MovesPanel {...props.moves} />
        <ConsentPanel />
        {open?.notes.map(note => (
          <p key={note} class="warn pad">
            {note}
          </p>
        ))}
      </aside>
    </div>
  );
}

function MovesPanel({ driver, setDriver, speech, setSpeech }: Moves) {
  const { clips, sounds } = library.value!;
  const videos = clips.filter(clip => clip.video);
  const template = desk.template.value;
  const heard: [string, string][] = [...sounds.map(one => [one.id, one.name] as [string, string]), ...videos.map(one => [one.id, t("sound of {name}", { name: one.name })] as [string, string])];
  const bring = (file: File) => attempt(async () => setSpeech((await put<{ id: string }>(`/api/uploads/sounds?name=${encodeURIComponent(file.name)}`, file)).id));
  return (
    <Panel
      title={t("Moves with")}
      tools={<FileButton label={t("Bring a sound")} accept="audio/*" look="quiet" take={files => void bring(files[0]!)} />}
    >
      <Choice label={t("Driver")} value={driver} set={setDriver} of={[["", t("nobody")], ...videos.map(one => [one.id, one.name] as [string, string])]} hint={driver ? t("the sliders stand over its motion") : ""} />
      <Choice label={t("Says")} value={speech} set={setSpeech} of={[["", t("nothing")], ...heard]} hint={speech ? t("lips follow the sound when it is rendered") : ""} />
      {(driver || speech) && (
        <div class="group" role="group" aria-label={t("Over the motion")}>
          {(["replace", "add"] as const).map(over => (
            <button key={over} aria-pressed={template.over === over} title={over === "replace" ? t("its values in place of the driver's") : t("its values added to the driver's")} onClick={() => desk.change({ ...template, over })}>
              {told(over)}
            </button>
          ))}
        </div>
      )}
    </Panel>
  );
}

function ConsentPanel() {
  const records = validRecords.value.filter(record => record.uses.includes("animate"));
  if (records.length) return null;
  return (
    <Panel title={t("Consent")}>
      <p class="bad">{t("Locked: nobody's consent to being animated is valid here.")}</p>
      <a href="#people">{t("Get their consent")}</a>
    </Panel>
  );
}

function drawPortrait(canvas: HTMLCanvasElement, picture: ImageBitmap | undefined): void {
  const { c, W, H } = begin(canvas);
  if (!picture) return;
  const scale = Math.min(W / picture.width, H / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  c.imageSmoothingQuality = "high";
  c.drawImage(picture, (W - w) / 2, (H - h) / 2, w, h);
}
