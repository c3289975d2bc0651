// Train: start it, see the curve and the previews that it writes, go on with it.
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt, get, startJob } from "../api";
import { Choice, Facts, Next, Panel, Slider, Text } from "../controls";
import { duration, freeName } from "../format";
import { drawCurve } from "../paint";
import { focus, go, jobs, library, running } from "../state";
import { theme } from "../theme";
import type { FaceSet, Model, Training } from "../types";
import { LockPanel } from "./faces";

const POLL_MS = 2000;

export function Train() {
  const { models, facesets } = library.value!;
  const chosen = models.find(model => model.id === focus.value) ?? models[0];
  return (
    <div class="split">
      <div class="stage">
        <div class="bar">
          {chosen ? (
            <Choice label="Model" value={chosen.id} set={id => go("train", id)} of={models.map(one => [one.id, `${one.name} · ${one.steps} steps`])} />
          ) : (
            <span class="dim">no model yet</span>
          )}
        </div>
        {chosen ? (
          <Progress model={chosen} />
        ) : facesets.length < 2 ? (
          <Next title="Two face sets are needed" text="One of the person who will be shown, one of the person in the footage. Extract them from clips.">
            <button class="main" onClick={() => go("clips")}>
              To the clips
            </button>
          </Next>
        ) : (
          <Next title="Nothing trained yet" text="Choose who will be shown and whose footage it is, on the right. The first preview comes with the first step." />
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
  }, [training, step, theme.value]);
  const held = training?.curve.filter(row => row.held_out_error !== undefined) ?? [];
  const last = held.at(-1);
  return (
    <>
      <div class="preview">{shown ? <img src={`/api/files/${shown.id}`} alt={`Preview after ${shown.step} steps`} /> : <p class="dim">the first preview comes with the first evaluation</p>}</div>
      {previews.length > 1 && (
        <label class="slider wide">
          <span>History</span>
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
          <b>step {shown?.step}</b>
        </label>
      )}
      <div class="row pad dim">
        {job?.progress?.note && <span>{job.progress.note}</span>}
        {!job && last && (
          <span>
            held-out error {last.held_out_error!.toFixed(4)} after {duration(last.seconds)}, step {last.step}
            {held[0] && held[0] !== last ? `; at the start ${held[0].held_out_error!.toFixed(4)}` : ""}
          </span>
        )}
      </div>
      <canvas class="curve" ref={curve} role="img" aria-label={`Held-out error over time${last ? `, now ${last.held_out_error!.toFixed(4)}` : ""}`} />
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
  const why = sets.length < 2 ? "needs two face sets" : source === target ? "source and target are the same set" : "";
  const train = () => startJob("train", { source, target, minutes, name: name || wanted });
  return (
    <>
      <Panel title="New model">
        <Choice label="Source: who will be shown" value={source} set={setSource} of={options} />
        <Choice label="Target: whose footage it is" value={target} set={setTarget} of={options} />
        <Slider label="Train for" value={minutes} set={setMinutes} low={1} high={240} step={1} unit="min" first={10} />
        <Text label="Name" value={name} set={setName} hint={name ? "" : wanted} />
        <button class="main" disabled={!!why} title={why} onClick={train}>
          Train
        </button>
        {why && <small class="dim">{why}</small>}
      </Panel>
      <LockPanel id={source} />
      {chosen && (
        <Panel title={chosen.name}>
          <Facts
            rows={[
              ["Steps", chosen.steps ? chosen.steps.toLocaleString("en") : "by geometry alone"],
              ["Held-out error", chosen.error === null ? "" : chosen.error.toFixed(4)],
            ]}
          />
          <Slider label="Go on for" value={more} set={setMore} low={1} high={240} step={1} unit="min" first={5} />
          <div class="row">
            <button disabled={!!why} title="with source and target above" onClick={() => startJob("train-on", { model: chosen.id, source, target, minutes: more })}>
              Train on
            </button>
            <button class="main" onClick={() => go("swap", chosen.id)}>
              Render with it
            </button>
          </div>
        </Panel>
      )}
    </>
  );
}
