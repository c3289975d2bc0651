// People and consent: who allows what until when; records made, requested, taken in and revoked.
import { useState } from "preact/hooks";
import { attempt, startJob } from "../api";
import { Choice, Danger, Dialog, Facts, Field, Next, Panel, Text, copy } from "../controls";
import { reload } from "../live";
import { Grant } from "../grant/grant";
import { focus, go, library, notify, people } from "../state";
import type { ConsentRecord } from "../types";
import { takeFiles, upload } from "../uploads";
import { listRecordings } from "../voices/recordings";

const USES: [string, string][] = [
  ["swap", "their face in other footage"],
  ["animate", "their portrait moved"],
  ["voice", "their voice"],
];
const STRENGTHS: Record<string, string> = {
  attested: "attested: somebody says so and signed",
  granted: "granted: signed by the person",
  witnessed: "witnessed: the person followed a random challenge before a camera or microphone",
};
const STATES: Record<string, string> = { valid: "good", revoked: "bad", expired: "warn", "not yet valid": "warn" };

export function PeoplePage() {
  const [making, make] = useState(false);
  const { records, requests } = people.value;
  if (focus.value.startsWith("grant.")) return <Grant key={focus.value} asked={focus.value.slice(6)} />;
  const chosen = records.find(record => record.id === focus.value) ?? records[0];
  const choose = (
    <label class="button">
      Take in a record
      <input type="file" accept=".json" class="hidden" onChange={e => takeFiles([...(e.currentTarget.files ?? [])])} />
    </label>
  );
  return (
    <div class="split">
      <div class="body">
        <div class="bar">
          <button class="main" onClick={() => make(true)}>
            New record or request
          </button>
          {choose}
          <span class="space" />
          <span class="dim">Nobody's likeness is used without a valid record: train, render and animate stop without one.</span>
        </div>
        {records.length + requests.length === 0 ? (
          <Next
            title="Nobody has consented yet"
            text="Make a record from a signed release, or write a request that the person signs on their own machine. Until then, everything that shows a person stays locked."
          >
            <button class="main" onClick={() => make(true)}>
              New record or request
            </button>
          </Next>
        ) : (
          <table class="list">
            <thead>
              <tr>
                <th>Person</th>
                <th>State</th>
                <th>Uses</th>
                <th>Until</th>
                <th>Strength</th>
                <th>Project</th>
              </tr>
            </thead>
            <tbody>
              {records.map(record => (
                <tr key={record.id} class={record === chosen ? "on" : ""} onClick={() => go("people", record.id)}>
                  <td>
                    <a href={`#people/${record.id}`}>{record.subject}</a>
                  </td>
                  <td>
                    <b class={STATES[record.state]}>{record.state}</b>
                  </td>
                  <td>{record.uses.join(", ")}</td>
                  <td class="mono">{record.until ?? "no end"}</td>
                  <td>{record.strength}</td>
                  <td>{record.purpose ?? "any"}</td>
                </tr>
              ))}
              {requests.map(request => (
                <tr key={request.file}>
                  <td>{request.subject}</td>
                  <td>
                    <b class="warn">requested</b>
                  </td>
                  <td>{request.uses.join(", ")}</td>
                  <td class="mono">{request.until ?? "no end"}</td>
                  <td colSpan={2}>
                    {request.own && (
                      <button class="main" onClick={() => go("people", `grant.${request.id}`)}>
                        Grant at the camera
                      </button>
                    )}{" "}
                    <button onClick={() => copy(request.command)} title={request.command}>
                      Copy the command for them
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
            ["State", <b class={STATES[record.state]}>{record.state}</b>],
            ["Revoked", record.revoked],
            ["May be used for", record.uses.join(", ")],
            ["From", record.begins],
            ["Until", record.until ?? "no end"],
            ["Only for", record.purpose],
            ["Where", record.territory],
            ["Strength", STRENGTHS[record.strength] ?? record.strength],
            ["Granted by", record.witness],
            ["Rests on", record.basis || "nothing said: every output carries a visible notice"],
            ["Evidence", record.evidence.join(" · ")],
            ["Signed", record.signed.join(" · ")],
            ["Id", <span class="mono">{record.id}</span>],
            ["Lies in", record.own ? "your own store" : "this workspace"],
          ]}
        />
      </Panel>
      {record.state !== "revoked" && (
        <Panel title="Revoke">
          <p class="dim">What shows {record.subject} can then no longer be made, by any model that rests on this record. A revocation is not undone.</p>
          <Text label="Why, for others to read" value={reason} set={setReason} />
          <Danger label="Revoke this consent" sure="Press again to revoke it for good" act={revoke} />
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
    if (needsPhoto && !photo) return notify("choose a photo or clip of the person first", true);
    if (speaks && !recording) return notify("choose a recording of the person first", true);
    const fields = { subject, ...(photo && { photos: [photo] }), ...(speaks && { recordings: [recording] }), uses, until, basis, purpose, evidence: evidence.map(one => one.id) };
    if (await startJob(kind, fields)) close();
  };
  const toggle = (use: string) => setUses(uses.includes(use) ? uses.filter(one => one !== use) : [...uses, use]);
  return (
    <Dialog title="A person's consent" close={close}>
      <form class="form" onSubmit={make}>
        <div class="group" role="group" aria-label="Kind">
          <button type="button" aria-pressed={kind === "consent-new"} onClick={() => setKind("consent-new")}>
            Record: I have their consent
          </button>
          <button type="button" aria-pressed={kind === "consent-request"} onClick={() => setKind("consent-request")}>
            Request: they sign themselves
          </button>
        </div>
        <p class="dim">
          {kind === "consent-new"
            ? "You attest it and sign with your key. A record with neither basis nor evidence puts a visible notice on every output."
            : "The person grants it before this machine's camera, which is the strongest kind; or signs the file on their own machine, and you drop what comes back into this window."}
        </p>
        <Text label="Name" value={subject} set={setSubject} required />
        <div class="row">
          <Choice
            label="A photo or clip of them alone"
            value={photo}
            set={setPhoto}
            of={[["", "choose"], ...clips.map(clip => [clip.id, clip.name] as [string, string])]}
          />
          <label class="button">
            Bring one
            <input type="file" accept="image/*,video/*" class="hidden" onChange={e => bringOne(e.currentTarget.files, "clips", setPhoto)} />
          </label>
        </div>
        <fieldset>
          <legend>They allow</legend>
          {USES.map(([use, text]) => (
            <label key={use} class="check">
              <input type="checkbox" checked={uses.includes(use)} onChange={() => toggle(use)} />
              {use}: {text}
            </label>
          ))}
        </fieldset>
        {speaks && (
          <div class="row">
            <Choice
              label="A recording in which they alone speak"
              value={recording}
              set={setRecording}
              of={[["", "choose"], ...listRecordings().map(one => [one.id, one.name] as [string, string])]}
            />
            <label class="button">
              Bring one
              <input type="file" accept="audio/*,video/*" class="hidden" onChange={e => bringOne(e.currentTarget.files, "recordings", setRecording)} />
            </label>
          </div>
        )}
        <div class="row">
          <Field label="Until" hint="a year if left open">
            <input type="date" value={until} onInput={e => setUntil(e.currentTarget.value)} />
          </Field>
          <Text label="Only for this project" value={purpose} set={setPurpose} hint="any if left open" />
        </div>
        <Text label="It rests on" value={basis} set={setBasis} hint="such as: signed release of 3 May" />
        <div class="row">
          <label class="button">
            Add evidence
            <input type="file" multiple class="hidden" onChange={e => bring(e.currentTarget.files)} />
          </label>
          <span class="dim">{evidence.map(one => one.name).join(", ") || "a release or recording; the record keeps its hash"}</span>
        </div>
        <div class="row end">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button class="main" disabled={!subject.trim() || (needsPhoto && !photo) || (speaks && !recording) || !uses.length}>
            {kind === "consent-new" ? "Sign the record" : "Write the request"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
