// People and consent: who allows what until when; records made, requested, taken in and revoked.
import { useState } from "preact/hooks";
import { attempt, startJob } from "../api";
import { Choice, Danger, Dialog, Facts, Field, Next, Panel, Text, copy } from "../controls";
import { day } from "../format";
import { reload } from "../live";
import { Grant } from "../grant/grant";
import { type Message, list, t, told } from "../language";
import { focus, go, library, notify, people } from "../state";
import { STRENGTHS } from "../strengths";
import type { ConsentRecord } from "../types";
import { takeFiles, upload } from "../uploads";
import { listRecordings } from "../voices/recordings";

const USES: [string, Message][] = [
  ["swap", "their face in other footage"],
  ["animate", "their portrait moved"],
  ["voice", "their voice"],
];
const STATES: Record<string, string> = { valid: "good", revoked: "bad", expired: "warn", "not yet valid": "warn" };

export function PeoplePage() {
  const [making, make] = useState(false);
  const { records, requests } = people.value;
  if (focus.value.startsWith("grant.")) return <Grant key={focus.value} asked={focus.value.slice(6)} />;
  const chosen = records.find(record => record.id === focus.value) ?? records[0];
  const choose = (
    <label class="button">
      {t("Take in a record")}
      <input type="file" accept=".json" class="hidden" onChange={e => takeFiles([...(e.currentTarget.files ?? [])])} />
    </label>
  );
  return (
    <div class="split">
      <div class="body">
        <div class="bar">
          <button class="main" onClick={() => make(true)}>
            {t("New record or request")}
          </button>
          {choose}
          <span class="dim hint" title={t("Nobody's likeness is used without a valid record: train, render and animate stop without one.")}>{t("Nobody's likeness is used without a valid record: train, render and animate stop without one.")}</span>
        </div>
        {records.length + requests.length === 0 ? (
          <Next
            title={t("Nobody has consented yet")}
            text={t("Make a record from a signed release, or write a request that the person signs on their own machine. Until then, everything that shows a person stays locked.")}
          >
            <button class="main" onClick={() => make(true)}>
              {t("New record or request")}
            </button>
          </Next>
        ) : (
          <table class="list">
            <thead>
              <tr>
                <th>{t("Person")}</th>
                <th>{t("State")}</th>
                <th>{t("Uses")}</th>
                <th>{t("Until")}</th>
                <th>{t("Strength")}</th>
                <th>{t("Project")}</th>
              </tr>
            </thead>
            <tbody>
              {records.map(record => (
                <tr key={record.id} class={record === chosen ? "on" : ""} onClick={() => go("people", record.id)}>
                  <td>
                    <a href={`#people/${record.id}`}>{record.subject}</a>
                  </td>
                  <td>
                    <b class={STATES[record.state]}>{told(record.state)}</b>
                  </td>
                  <td>{list(record.uses.map(told))}</td>
                  <td class="mono">{day(record.until)}</td>
                  <td>{told(record.strength)}</td>
                  <td>{record.purpose ?? t("any")}</td>
                </tr>
              ))}
              {requests.map(request => (
                <tr key={request.file}>
                  <td>{request.subject}</td>
                  <td>
                    <b class="warn">{t("requested")}</b>
                  </td>
                  <td>{list(request.uses.map(told))}</td>
                  <td class="mono">{day(request.until)}</td>
                  <td colSpan={2}>
                    {request.own && (
                      <button class="main" onClick={() => go("people", `grant.${request.id}`)}>
                        {t("Grant at the camera")}
                      </button>
                    )}{" "}
                    <button onClick={() => copy(request.command)} title={request.command}>
                      {t("Copy the command for them")}
                    </button>{" "}
                    <span class="dim">{request.file}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
      <aside class="side">{chosen && <Details record={chosen} />}</aside>
      {making && <Making close={() => make(false)} />}
    </div>
  );
}

function Details({ record }: { record: ConsentRecord }) {
  const [reason, setReason] = useState("");
  const revoke = async () => {
    if (await startJob("consent-revoke", { record: record.id, reason })) setReason("");
  };
  return (
    <>
      <Panel title={record.subject}>
        <Facts
          rows={[
            [t("State"), <b class={STATES[record.state]}>{told(record.state)}</b>],
            [t("Revoked"), record.revoked],
            [t("May be used for"), list(record.uses.map(told))],
            [t("From"), day(record.begins)],
            [t("Until"), day(record.until)],
            [t("Only for"), record.purpose],
            [t("Where"), record.territory],
            [t("Strength"), STRENGTHS[record.strength] ? t(STRENGTHS[record.strength]!) : record.strength],
            [t("Granted by"), record.witness],
            [t("Rests on"), record.basis || t("nothing said: every output carries a visible notice")],
            [t("Evidence"), record.evidence.join(" · ")],
            [t("Signed"), record.signed.join(" · ")],
            ["ID", <span class="mono">{record.id}</span>],
            [t("Lies in"), record.own ? t("your own store") : t("this workspace")],
          ]}
        />
      </Panel>
      {record.state !== "revoked" && (
        <Panel title={t("Revoke")}>
          <p class="dim">{t("What shows {subject} can then no longer be made, by any model that rests on this record. A revocation is not undone.", { subject: record.subject })}</p>
          <Text label={t("Why, for others to read")} value={reason} set={setReason} />
          <Danger label={t("Revoke this consent")} sure={t("Press again to revoke it for good")} act={revoke} />
        </Panel>
      )}
    </>
  );
}

function Making({ close }: { close: () => void }) {
  const [kind, setKind] = useState("consent-new");
  const [subject, setSubject] = useState("");
  const [photo, setPhoto] = useState("");
  const [recording, setRecording] = useState("");
  const [uses, setUses] = useState(["swap"]);
  const [until, setUntil] = useState("");
  const [basis, setBasis] = useState("");
  const [purpose, setPurpose] = useState("");
  const [evidence, setEvidence] = useState<{ id: string; name: string }[]>([]);
  const clips = library.value?.clips ?? [];
  const bring = async (files: FileList | null) => {
    for (const file of files ?? []) {
      const id = await upload(file, "evidence");
      if (id) setEvidence(list => [...list, { id, name: file.name }]);
    }
  };
  const bringOne = async (files: FileList | null, kind: "clips" | "recordings", set: (id: string) => void) => {
    const file = files?.[0];
    const id = file && (await upload(file, kind));
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
            ? t("You attest it and sign with your key. A record with neither basis nor evidence puts a visible notice on every output.")
            : t("The person grants it before this machine's camera, which is the strongest kind; or signs the file on their own machine, and you drop what comes back into this window.")}
        </p>
        <Text label={t("Name")} value={subject} set={setSubject} required />
        <div class="row">
          <Choice
            label={t("A photo or clip of them alone")}
            value={photo}
            set={setPhoto}
            of={[["", t("choose")], ...clips.map(clip => [clip.id, clip.name] as [string, string])]}
          />
          <label class="button">
            {t("Bring one")}
            <input type="file" accept="image/*,video/*" class="hidden" onChange={e => bringOne(e.currentTarget.files, "clips", setPhoto)} />
          </label>
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
            <label class="button">
              {t("Bring one")}
              <input type="file" accept="audio/*,video/*" class="hidden" onChange={e => bringOne(e.currentTarget.files, "recordings", setRecording)} />
            </label>
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
          <label class="button">
            {t("Add evidence")}
            <input type="file" multiple class="hidden" onChange={e => bring(e.currentTarget.files)} />
          </label>
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
