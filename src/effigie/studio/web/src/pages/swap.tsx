// Swap: a clip rendered with a model, or at once with photos or a face set; as a job.
import { useState } from "preact/hooks";
import { attempt, startAndWatch } from "../api";
import { ConsentDialog } from "../consent-dialog";
import { Choice, FileButton, Next, Panel, Poster, Slider, Text } from "../controls";
import { freeName, stem } from "../format";
import { list, t } from "../language";
import { reload } from "../live";
import { RunningUploads } from "../running-uploads";
import { focus, library, running, takenNames, validRecords, waiting } from "../state";
import { CLIP_TYPES, takeFiles, upload } from "../uploads";
import { Viewer } from "../viewer";
import { LockPanel } from "./faces";

export function Swap() {
  const { clips, models } = library.value!;
  const facesets = library.value!.facesets.filter(set => set.faces);
  const videos = clips.filter(clip => clip.video);
  const model0 = models.find(model => model.id === focus.value);
  const clip0 = clips.find(clip => clip.id === focus.value); // footage if it moves, else the face
  const [way, setWay] = useState(model0 || (models.length && !clip0) ? "model" : "once");
  const [model, setModel] = useState(model0?.id ?? models[0]?.id ?? "");
  const [source, setSource] = useState(clip0 && !clip0.video ? clip0.id : "");
  const [clip, setClip] = useState(clip0?.video ? clip0.id : "");
  const [minutes, setMinutes] = useState(0);
  const [name, setName] = useState("");
  const target = videos.find(one => one.id === clip) ?? videos[0];
  if (!target) {
    return (
      <Next title={t("No footage yet")} text={t("Bring the clip that the face goes into.")}>
        <FileButton label={t("Bring clips")} accept={CLIP_TYPES} many look="main" take={takeFiles} />
        <RunningUploads />
      </Next>
    );
  }
  const wanted = freeName(`${stem(target.name)}-swap`, takenNames.value, ".mp4");
  const made = { clip: target.id, name: name || wanted };
  const sources: [string, string][] = [
    ...facesets.map(set => [set.id, t("faces · {name}", { name: set.name })] as [string, string]),
    ...clips.map(one => [one.id, t(one.video ? "clip · {name}" : "photo · {name}", { name: one.name })] as [string, string]),
  ];
  // Until somebody is chosen: faces that were extracted; else a clip or photo other than the footage, before what swaps at once have kept.
  const likely = [...facesets.filter(set => !set.name.includes(".swap/")), ...clips.filter(one => one.id !== target.id), ...facesets];
  const from = sources.find(([id]) => id === source)?.[0] ?? likely[0]?.id ?? "";
  const isSet = facesets.some(set => set.id === from);
  const exchange = () => {
    setClip(from);
    setSource(target.id);
  };
  const bring = (file: File) =>
    attempt(async () => {
      const id = await upload(file, "clips");
      await reload();
      if (id) setSource(id);
    });
  const signing = [...running.value, ...waiting.value].some(job => job.command.startsWith("effigie consent "));
  const allowed = isSet || validRecords.value.some(record => record.uses.includes("swap"));
  const lacking = way === "model" ? (model ? "" : t("train one first")) : !from ? t("choose who will be shown") : from === target.id ? t("face and footage are one clip") : allowed ? "" : signing ? t("the record is being signed") : t("consent is missing");
  const start = () =>
    way === "model" ? startAndWatch("convert", { ...made, model }) : startAndWatch("swap", { ...made, sources: [from], ...(minutes && { minutes }) });
  return (
    <div class="split">
      <div class="stage">
        <Viewer clips={[target.id]} label={target.name} />
      </div>
      <aside class="side">
        <Panel title={t("Footage")}>
          <Choice label={t("Clip that the face goes into")} value={target.id} set={setClip} of={videos.map(one => [one.id, one.name])} />
        </Panel>
        <Panel title={t("Face")}>
          <div class="group" role="group" aria-label={t("Made by")}>
            <button aria-pressed={way === "model"} disabled={!models.length} title={models.length ? "" : t("train one first")} onClick={() => setWay("model")}>
              {t("A model")}
            </button>
            <button aria-pressed={way === "once"} onClick={() => setWay("once")}>
              {t("At once")}
            </button>
          </div>
          {way === "model" ? (
            <Choice label={t("Model")} value={model} set={setModel} of={models.map(one => [one.id, one.name])} />
          ) : (
            <>
              <div class="row">
                {from && !isSet && <Poster id={from} look="who" />}
                <Choice label={t("Who will be shown")} value={from} set={setSource} of={from ? sources : [["", t("nobody")], ...sources]} hint={t("one photo is enough")} />
              </div>
              <div class="row">
                <FileButton label={t("Bring one")} accept={CLIP_TYPES} take={files => bring(files[0]!)} />
                {from !== target.id && videos.some(one => one.id === from) && <button onClick={exchange}>{t("⇄ The other way round")}</button>}
              </div>
              <RunningUploads />
              <Slider label={t("Train first")} value={minutes} set={setMinutes} low={0} high={60} step={1} unit="min" first={0} />
            </>
          )}
        </Panel>
        {way === "model" ? <LockPanel id={model} /> : isSet ? <LockPanel id={from} /> : <Unseen source={from} signing={signing} />}
        <Panel title={t("Render")}>
          <Text label={t("Name")} value={name} set={setName} hint={name ? "" : `${wanted}.mp4`} />
          <button class="main" disabled={!!lacking} onClick={start}>
            {t("Render")}
          </button>
          {lacking && <p class="warn">{lacking}</p>}
          <p class="dim">{t("Sound and times stay those of the clip. The result is marked, signed and entered in the ledger, and appears under Results.")}</p>
        </Panel>
      </aside>
    </div>
  );
}

// Photos and clips whose faces nobody has measured yet: the command asks the gate when it has.
function Unseen({ source, signing }: { source: string; signing: boolean }) {
  const [asks, ask] = useState(false);
  const records = validRecords.value.filter(record => record.uses.includes("swap"));
  return (
    <Panel title={t("Consent")}>
      {records.length ? (
        <p class="dim">{t("The gate looks whether it is {people}, and stops if not.", { people: list(records.map(record => record.subject), "disjunction") })}</p>
      ) : (
        <p class={signing ? "dim" : "bad"}>{signing ? t("the record is being signed") : t("Locked: nobody's consent to a swap is valid here.")}</p>
      )}
      <button class={records.length || signing ? "" : "main"} onClick={() => ask(true)}>
        {records.length ? t("New record or request") : t("Get their consent")}
      </button>
      {asks && <ConsentDialog close={() => ask(false)} shows={source} />}
    </Panel>
  );
}
