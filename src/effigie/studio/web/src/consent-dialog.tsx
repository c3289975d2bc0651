// The dialog that makes a person's consent: a record that the user attests, or a request that the person grants.
import { useState } from "preact/hooks";
import { attempt, startJob } from "./api";
import { Choice, Dialog, Field, FileButton, Text } from "./controls";
import { type Message, t, told } from "./language";
import { reload } from "./live";
import { library, notify } from "./state";
import { upload } from "./uploads";
import { listRecordings } from "./voices/recordings";

const USES: [string, Message][] = [
  ["swap", "their face in other footage"],
  ["animate", "their portrait moved"],
  ["voice", "their voice"],
];

// `shows`: id of the photo or clip of them, if that is known.
export function ConsentDialog({ close, shows = "" }: { close: () => void; shows?: string }) {
  const [kind, setKind] = useState("consent-new");
  const [subject, setSubject] = useState("");
  const [photo, setPhoto] = useState(shows);
  const [recording, setRecording] = useState("");
  const [uses, setUses] = useState(["swap"]);
  const [until, setUntil] = useState("");
  const [basis, setBasis] = useState("");
  const [purpose, setPurpose] = useState("");
  const [evidence, setEvidence] = useState<{ id: string; name: string }[]>([]);
  const clips = library.value?.clips ?? [];
  const bring = async (files: File[]) => {
    for (const file of files) {
      const id = await upload(file, "evidence");
      if (id) setEvidence(list => [...list, { id, name: file.name }]);
    }
  };
  const bringOne = async (file: File, kind: "clips" | "recordings", set: (id: string) => void) => {
    const id = await upload(file, kind);
    if (!id) return;
    await attempt(reload);
    set(id);
  };
  const speaks = uses.includes("voice");
  const needsPhoto = uses.some(use => use !== "voice");
  const make = async (event: Event) => {
    event.preventDefault();
    if (needsPhoto && !photo) return notify(t("choose a photo or clip of the person first"), true);
    if (speaks && !recording) return notify(t("choose a recording of the person first"), true);
    const fields = { subject, ...(photo && { photos: [photo] }), ...(speaks && { recordings: [recording] }), uses, until, basis, purpose, evidence: evidence.map(one => one.id) };
    if (await startJob(kind, fields)) close();
  };
  const toggle = (use: string) => setUses(uses.includes(use) ? uses.filter(one => one !== use) : [...uses, use]);
  return (
    <Dialog title={t("A person's consent")} close={close}>
      <form class="form" onSubmit={make}>
        <div class="group" role="group" aria-label={t("Kind")}>
          <button type="button" aria-pressed={kind === "consent-new"} onClick={() => setKind("consent-new")}>
            {t("Record: I have their consent")}
          </button>
          <button type="button" aria-pressed={kind === "consent-request"} onClick={() => setKind("consent-request")}>
            {t("Request: they sign themselves")}
          </button>
        </div>
        <p class="dim">
          {kind === "consent-new"
            ? t("You attest it and sign with your key. Without evidence, such as their signed release, every output carries a visible notice.")
            : t("The person grants it before this machine's camera, which is the strongest kind; or signs the file on their own machine, and you drop what comes back into this window.")}
        </p>
        <Text label={t("Name")} value={subject} set={setSubject} required first />
        <div class="row">
          <Choice
            label={t("A photo or clip of them alone")}
            value={photo}
            set={setPhoto}
            of={[["", t("choose")], ...clips.map(clip => [clip.id, clip.name] as [string, string])]}
          />
          <FileButton label={t("Bring one")} accept="image/*,video/*" take={files => bringOne(files[0]!, "clips", setPhoto)} />
        </div>
        <fieldset>
          <legend>{t("They allow")}</legend>
          {USES.map(([use, text]) => (
            <label key={use} class="check">
              <input type="checkbox" checked={uses.includes(use)} onChange={() => toggle(use)} />
              {told(use)}: {t(text)}
            </label>
          ))}
        </fieldset>
        {speaks && (
          <div class="row">
            <Choice
              label={t("A recording in which they alone speak")}
              value={recording}
              set={setRecording}
              of={[["", t("choose")], ...listRecordings().map(one => [one.id, one.name] as [string, string])]}
            />
            <FileButton label={t("Bring one")} accept="audio/*,video/*" take={files => bringOne(files[0]!, "recordings", setRecording)} />
          </div>
        )}
        <div class="row">
          <Field label={t("Until")} hint={t("a year if left open")}>
            <input type="date" value={until} onInput={e => setUntil(e.currentTarget.value)} />
          </Field>
          <Text label={t("Only for this project")} value={purpose} set={setPurpose} hint={t("any if left open")} />
        </div>
        <Text label={t("It rests on")} value={basis} set={setBasis} hint={t("such as: signed release of 3 May")} />
        <div class="row">
          <FileButton label={t("Add evidence")} many take={bring} />
          <span class="dim">{evidence.map(one => one.name).join(", ") || t("a release or recording; the record keeps its hash")}</span>
        </div>
        <div class="row end">
          <button type="button" onClick={close}>
            {t("Cancel")}
          </button>
          <button class="main" disabled={!subject.trim() || (needsPhoto && !photo) || (speaks && !recording) || !uses.length}>
            {kind === "consent-new" ? t("Sign the record") : t("Write the request")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
