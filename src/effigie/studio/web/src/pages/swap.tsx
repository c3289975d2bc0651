// Swap: a clip rendered with a model, or at once with photos or a face set; as a job.
import { useState } from "preact/hooks";
import { startJob } from "../api";
import { Choice, NoFootage, Panel, Slider, Text } from "../controls";
import { freeName, stem } from "../format";
import { list, t } from "../language";
import { focus, go, library, validRecords } from "../state";
import { Viewer } from "../viewer";
import { LockPanel } from "./faces";

export function Swap() {
  const { clips, models, facesets, results } = library.value!;
  const videos = clips.filter(clip => clip.video);
  const asked = models.find(model => model.id === focus.value);
  const [way, setWay] = useState(asked || models.length ? "model" : "once");
  const [model, setModel] = useState(asked?.id ?? models[0]?.id ?? "");
  const [source, setSource] = useState(facesets[0]?.id ?? clips[0]?.id ?? "");
  const [clip, setClip] = useState(videos[0]?.id ?? "");
  const [minutes, setMinutes] = useState(0);
  const [name, setName] = useState("");
  const target = videos.find(one => one.id === clip) ?? videos[0];
  if (!target) {
    return <NoFootage />;
  }
  const wanted = freeName(`${stem(target.name)}-swap`, results, ".mp4");
  const made = { clip: target.id, name: name || wanted };
  const isSet = facesets.some(set => set.id === source);
  const start = () =>
    way === "model" ? startJob("convert", { ...made, model }) : startJob("swap", { ...made, sources: [source], ...(minutes && { minutes }) });
  const sources: [string, string][] = [
    ...facesets.map(set => [set.id, t("faces · {name}", { name: set.name })] as [string, string]),
    ...clips.map(one => [one.id, t(one.video ? "clip · {name}" : "photo · {name}", { name: one.name })] as [string, string]),
  ];
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
              <Choice label={t("Who will be shown")} value={source} set={setSource} of={sources} hint={t("one photo is enough")} />
              <Slider label={t("Train first")} value={minutes} set={setMinutes} low={0} high={60} step={1} unit="min" first={0} />
            </>
          )}
        </Panel>
        {way === "model" ? <LockPanel id={model} /> : isSet ? <LockPanel id={source} /> : <Unseen />}
        <Panel title={t("Render")}>
          <Text label={t("Name")} value={name} set={setName} hint={name ? "" : `${wanted}.mp4`} />
          <button class="main" disabled={way === "model" ? !model : !source || (!isSet && !validRecords.value.some(record => record.uses.includes("swap")))} onClick={async () => (await start()) && go("jobs")}>
            {t("Render")}
          </button>
          <p class="dim">{t("Sound and times stay those of the clip. The result is marked, signed and entered in the ledger, and appears under Results.")}</p>
        </Panel>
      </aside>
    </div>
  );
}

// Photos and clips whose faces nobody has measured yet: the command asks the gate when it has.
function Unseen() {
  const records = validRecords.value.filter(record => record.uses.includes("swap"));
  return (
    <Panel title={t("Consent")}>
      {records.length ? (
        <p class="dim">{t("The gate looks whether it is {people}, and stops if not.", { people: list(records.map(record => record.subject), "disjunction") })}</p>
      ) : (
        <>
          <p class="bad">{t("Locked: nobody's consent to a swap is valid here.")}</p>
          <a href="#people">{t("Get their consent")}</a>
        </>
      )}
    </Panel>
  );
}
