// Faces: every face of a set by person, marked and dropped; which head poses it covers.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { attempt, get, startJob } from "../api";
import { Choice, Danger, Facts, Next, Panel } from "../controls";
import { FaceGrid } from "../face-grid";
import { useKeys } from "../keys";
import { drawCoverage } from "../paint";
import { focus, go, library } from "../state";
import { theme } from "../theme";
import type { FaceColumns, Lock } from "../types";

const MOST = 1000; // that one command drops

export function Faces() {
  const sets = library.value!.facesets;
  const chosen = sets.find(set => set.id === focus.value) ?? sets[0];
  const [faces, setFaces] = useState<FaceColumns | null>(null);
  const [marks, setMarks] = useState<number[][]>([]); // a step each, so that they can be taken back
  const [at, setAt] = useState(0);
  const [selected, select] = useState<Set<number>>(new Set());
  const [error, setError] = useState("");
  const marked = useMemo(() => new Set(marks.flat()), [marks]);

  useEffect(() => {
    setFaces(null);
    setMarks([]);
    setAt(0);
    select(new Set());
    setError("");
    if (chosen) get<FaceColumns>(`/api/faces/${chosen.id}`).then(setFaces, reason => setError(reason.message));
  }, [chosen?.id, chosen?.time]);

  const drop = () => {
    const rows = (selected.size ? [...selected] : [at]).filter(row => !marked.has(row));
    if (rows.length) setMarks([...marks, rows]);
  };
  useKeys({ x: drop, Delete: drop, "Ctrl+z": () => setMarks(marks.slice(0, -1)), "Ctrl+a": () => faces && select(new Set(faces.frame.keys())), Escape: () => select(new Set()) });

  if (!chosen) {
    return (
      <Next title="No faces yet" text="Extract faces from clips first: of the person who will be shown, and of the person in the footage.">
        <button class="main" onClick={() => go("clips")}>
          To the clips
        </button>
      </Next>
    );
  }
  const name = (row: number) => `${faces!.clips[faces!.clip[row]!]}:${faces!.frame[row]}:${faces!.track[row]}`;
  const dropMarked = async () => {
    if (await startJob("drop-faces", { faces: chosen.id, names: [...marked].slice(0, MOST).map(name) })) setMarks([]);
  };
  return (
    <div class="split">
      <div class="body">
        <div class="bar">
          <Choice label="Face set" value={chosen.id} set={id => go("faces", id)} of={sets.map(set => [set.id, `${set.name} · ${set.faces.toLocaleString("en")}`])} />
          <span class="space" />
          <span class="dim">{selected.size ? `${selected.size} selected` : "click, Shift, Ctrl to select; X marks to drop, Ctrl+Z takes back"}</span>
        </div>
        {error && (
          <p class="bad pad" role="alert">
            {error}
          </p>
        )}
        {faces?.frame.length === 0 && <Next title="No face was found" text="The clips of this set show nobody large and sharp enough. Extract others under another name." />}
        {faces && faces.frame.length > 0 && <FaceGrid set={chosen.id} faces={faces} marked={marked} selected={selected} select={select} at={at} setAt={setAt} />}
      </div>
      <aside class="side">
        {faces && faces.frame.length > 0 && (
          <>
            <Panel title="Face">
              <img class="face" src={`/api/faces/${chosen.id}/${faces.revision}/${at}`} alt={`Face ${at + 1}`} width={192} height={192} />
              <Facts
                rows={[
                  ["Clip", faces.clips[faces.clip[at]!]],
                  ["Frame", String(faces.frame[at])],
                  ["Yaw, pitch", `${faces.yaw[at]}°, ${faces.pitch[at]}°`],
                  ["Sharpness", String(faces.sharpness[at])],
                  ["Confidence", String(faces.confidence[at])],
                ]}
              />
            </Panel>
            <Coverage faces={faces} rows={[...faces.frame.keys()].filter(row => !marked.has(row) && faces.person[row] === faces.person[at])} />
            <Panel title="Drop">
              <p class="dim">
                {marked.size ? `${marked.size} marked. Dropping takes them out of the set for good; the clip stays.` : "Mark strangers, covered and blurred faces with X."}
              </p>
              <div class="row">
                <button disabled={!marked.size} onClick={() => setMarks(marks.slice(0, -1))}>
                  Take back
                </button>
                <Danger label={`Drop ${marked.size || ""}`} sure="Press again: for good" disabled={!marked.size} act={dropMarked} />
              </div>
            </Panel>
            <LockPanel id={chosen.id} />
          </>
        )}
      </aside>
    </div>
  );
}

function Coverage({ faces, rows }: { faces: FaceColumns; rows: number[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => canvas.current! && drawCoverage(canvas.current, faces, rows), [faces, rows.length, rows[0], theme.value]);
  const poses = new Set(rows.map(row => `${Math.floor(faces.yaw[row]! / 10)} ${Math.floor(faces.pitch[row]! / 10)}`)).size;
  return (
    <Panel title="Head poses of this person">
      <canvas class="coverage" ref={canvas} role="img" aria-label={`Yaw by pitch: ${poses} cells of 10 degrees have a face`} />
      <p class="dim">{poses} cells of 10° have a face. What is never shown will be made up.</p>
    </Panel>
  );
}

export function LockPanel({ id, use = "swap" }: { id: string; use?: string }) {
  const [lock, setLock] = useState<Lock | null>(null);
  useEffect(() => {
    setLock(null);
    if (id) void attempt(async () => setLock(await get<Lock>(`/api/locks/${id}/${use}`)));
  }, [id, library.value]);
  if (!id) return null;
  return (
    <Panel title="Consent">
      {!lock ? (
        <p class="dim">asking the gate</p>
      ) : lock.open ? (
        <p class="good">✓ {lock.records.map(one => `${one.subject}, until ${one.until ?? "no end"}`).join("; ")}</p>
      ) : (
        <>
          <p class="bad">Locked: {lock.why.split(": make one with")[0]}</p>
          <a href="#people">Get their consent</a>
        </>
      )}
    </Panel>
  );
}
