// Train: start it, see the curve and the previews that it writes, go on with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt, get, startJob } from "../api";
import { Compare } from "../compare/compare";
import { Choice, Facts, Next, Panel, Slider, Text } from "../controls";
import { duration, freeName, trained } from "../format";
import { language, number, t } from "../language";
import { drawCurve } from "../paint";
import { focus, go, jobs, library, running } from "../state";
import { theme } from "../theme";
import type { FaceSet, Model, Training } from "../types";
import { LockPanel } from "./faces";

const POLL_MS = 2000;

export function Train() {
  const { models, facesets } = library.value!;
  const chosen = models.find(model => model.id === focus.value) ?? models[0];
  const [compares, compare] = useState(false);
  const isBeside = compares && models.length > 1;
  return (
    <div class="split">
      <div class="stage">
        <div class="bar">
          {chosen ? (
            <Choice label={t("Model")} value={chosen.id} set={id => go("train", id)} of={models.map(one => [one.id, trained(one.name, one.steps)])} />
          ) : (
            <span class="dim">{t("no model yet")}</span>
          )}
          <span class="space" />
          {chosen && (
            <button aria-pressed={isBeside} disabled={models.length < 2} title={models.length < 2 ? t("needs a second model") : t("this model beside another, on one frame")} onClick={() => compare(!compares)}>
              {t("Compare")}
            </button>
          )}
        </div>
        {chosen && isBeside ? (
          <Compare first={chosen} />
        ) : chosen ? (
          <Progress model={chosen} />
        ) : facesets.length < 2 ? (
          <Next title={t("Two face sets are needed")} text={t("One of the person who will be shown, one of the person in the footage. Extract them from clips.")}>
            <button class="main" onClick={() => go("clips")}>
              {t("To the clips")}
            </button>
          </Next>
        ) : (
          <Next title={t("Nothing trained yet")} text={t("Choose who will be shown and whose footage it is, on the right. The first preview comes with the first step.")} />
        )}
      </div>
      <aside class="side">
        <Start sets={facesets} models={models} chosen={chosen} />
      </aside>
    </div>
  );
}

function Progress({ model }: { model: Model }) {
  const [training, setTraining] = useState<Training | null>(null);
  const [step, setStep] = useState<number | null>(null); // null: the newest
  const curve = useRef<HTMLCanvasElement>(null);
  const job = jobs.value.find(one => one.output === model.id && one.state === "running");
  const alive = running.value.some(one => one.output === model.id || one.title === "Make the demo");
  useEffect(() => {
    setTraining(null);
    setStep(null);
  }, [model.id]);
  useEffect(() => {
    const load = () => attempt(async () => setTraining(await get<Training>(`/api/models/${model.id}`)));
    void load();
    const timer = alive ? setInterval(load, POLL_MS) : 0;
    return () => clearInterval(timer);
  }, [model.id, alive, library.value]);
  const previews = training?.previews ?? [];
  const shown = previews.find(one => one.step === step) ?? previews.at(-1);
  const at = shown && training?.curve.find(row => row.step >= shown.step);
  useEffect(() => {
    const draw = () => curve.current && drawCurve(curve.current, training?.curve ?? [], step === null ? null : (at?.seconds ?? null));
    draw();
    const watch = new ResizeObserver(draw);
    if (curve.current) watch.observe(curve.current);
    return () => watch.disconnect();
  }, [training, step, theme.value, language.value]);
  const held = training?.curve.filter(row => row.held_out_error !== undefined) ?? [];
  const last = held.at(-1);
  const isBare = !alive && !model.steps && training !== null && !held.length;
  return (
    <>
      <div class="preview">{shown ? <img src={`/api/files/${shown.id}`} alt={t("Preview after {n} steps", { n: number(shown.step) })} /> : <p class="dim">{isBare ? t("Made by geometry alone: nothing was trained, so there are no previews and no curve. Train it on, or compare it with another.") : t("the first preview comes with the first evaluation")}</p>}</div>
      {previews.length > 1 && (
        <label class="slider wide">
          <span>{t("History")}</span>
          <input
            type="range"
            min={0}
            max={previews.length - 1}
            value={shown ? previews.indexOf(shown) : 0}
            onInput={e => {
              const index = +e.currentTarget.value;
              setStep(index === previews.length - 1 ? null : previews[index]!.step);
            }}
          />
          <b>{shown && t("step {n}", { n: number(shown.step) })}</b>
        </label>
      )}
      <div class={job || last ? "row pad dim" : "none"}>
        {job?.progress?.note && <span>{job.progress.note}</span>}
        {!job && last && (
          <span>
            {t("held-out error {error} after {time}, step {n}", { error: number(last.held_out_error!, 4), time: duration(last.seconds), n: number(last.step) })}
            {held[0] && held[0] !== last ? t("; at the start {error}", { error: number(held[0].held_out_error!, 4) }) : ""}
          </span>
        )}
      </div>
      <canvas class={held.length ? "curve" : "curve none"} ref={curve} role="img" aria-label={last ? t("Held-out error over time, now {error}", { error: number(last.held_out_error!, 4) }) : t("Held-out error over time")} />
    </>
  );
}

function Start({ sets, models, chosen }: { sets: FaceSet[]; models: Model[]; chosen?: Model }) {
  const [source, setSource] = useState(sets[0]?.id ?? "");
  const [target, setTarget] = useState(sets[1]?.id ?? "");
  const [minutes, setMinutes] = useState(10);
  const [name, setName] = useState("");
  const [more, setMore] = useState(5);
  const options = sets.map(set => [set.id, `${set.name} · ${set.faces}`] as [string, string]);
  const label = (id: string) => (sets.find(set => set.id === id)?.name ?? "").replace(/\.faces$/, "").replace(/.*\//, "");
  const wanted = freeName(`${label(source)}-in-${label(target)}`, models);
  const why = sets.length < 2 ? t("needs two face sets") : source === target ? t("source and target are the same set") : "";
  const train = () => startJob("train", { source, target, minutes, name: name || wanted });
  return (
    <>
      <Panel title={t("New model")}>
        <Choice label={t("Source: who will be shown")} value={source} set={setSource} of={options} />
        <Choice label={t("Target: whose footage it is")} value={target} set={setTarget} of={options} />
        <Slider label={t("Train for")} value={minutes} set={setMinutes} low={1} high={240} step={1} unit="min" first={10} />
        <Text label={t("Name")} value={name} set={setName} hint={name ? "" : wanted} />
        <button class="main" disabled={!!why} title={why} onClick={train}>
          {t("Train")}
        </button>
        {why && <small class="dim">{why}</small>}
      </Panel>
      <LockPanel id={source} />
      {chosen && (
        <Panel title={chosen.name}>
          <Facts
            rows={[
              [t("Steps"), chosen.steps ? number(chosen.steps) : t("by geometry alone")],
              [t("Held-out error"), chosen.error === null ? "" : number(chosen.error, 4)],
            ]}
          />
          <Slider label={t("Go on for")} value={more} set={setMore} low={1} high={240} step={1} unit="min" first={5} />
          <div class="row">
            <button disabled={!!why} title={t("with source and target above")} onClick={() => startJob("train-on", { model: chosen.id, source, target, minutes: more })}>
              {t("Train on")}
            </button>
            <button class="main" onClick={() => go("swap", chosen.id)}>
              {t("Render with it")}
            </button>
          </div>
        </Panel>
      )}
    </>
  );
}
