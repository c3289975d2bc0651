// Jobs: the commands, in their order; stopped, run again, copied; and what they said.
import { useEffect, useState } from "preact/hooks";
import { attempt, get, post } from "../api";
import { Facts, Next, Panel, copy } from "../controls";
import { clock, duration } from "../format";
import { useKeys } from "../keys";
import { focus, go, jobs, library } from "../state";
import type { Job } from "../types";

const TONES = { running: "good", queued: "dim", done: "good", failed: "bad", stopped: "warn" };

const act = (job: Job, what: string) => attempt(() => post(`/api/jobs/${job.id}/${what}`));

export function Jobs() {
  const all = jobs.value;
  const chosen = all.find(job => job.id === focus.value) ?? all[0];
  const at = chosen ? all.indexOf(chosen) : 0;
  const show = (index: number) => all[index] && go("jobs", all[index].id);
  useKeys({ ArrowDown: () => show(at + 1), ArrowUp: () => show(at - 1) });
  if (!chosen) return <Next title="No jobs yet" text="What takes long runs here, one after the other. Jobs go on when this window or the studio is closed." />;
  return (
    <div class="split">
      <div class="body">
        <table class="list">
          <thead>
            <tr>
              <th>Job</th>
              <th>State</th>
              <th>Progress</th>
              <th>Rate</th>
              <th>Left</th>
              <th>
                <span class="sr">Order and end</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map(job => (
              <tr key={job.id} class={job === chosen ? "on" : ""} onClick={() => go("jobs", job.id)}>
                <td>
                  <a href={`#jobs/${job.id}`}>{job.title}</a>
                </td>
                <td>
                  <b class={TONES[job.state]}>{job.cancelled && job.state === "running" ? "stopping" : job.state}</b>
                </td>
                <td>
                  <Bar job={job} />
                </td>
                <td class="mono">{job.progress?.rate ? `${job.progress.rate.toFixed(1)} ${job.progress.unit}/s` : ""}</td>
                <td class="mono">{job.progress?.left_s ? duration(job.progress.left_s) : ""}</td>
                <td class="tools">
                  <Tools job={job} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <aside class="side">
        <Details job={chosen} />
      </aside>
    </div>
  );
}

function Bar({ job }: { job: Job }) {
  if (job.state !== "running") return <span class="dim brief" title={job.message}>{job.state === "done" && job.started && job.ended ? `took ${duration(job.ended - job.started)}` : job.message}</span>;
  const { stage, done, total, unit } = job.progress ?? {};
  return (
    <span class="progress">
      <progress value={total ? (done ?? 0) / total : undefined} max={1} aria-label={`Progress of ${job.title}`} />
      <small>
        {stage ?? "starting"} {done !== null && done !== undefined ? `${+done.toFixed(1)}${total ? `/${+total.toFixed(1)}` : ""} ${unit}` : ""}
      </small>
    </span>
  );
}

function Tools({ job }: { job: Job }) {
  const press = (what: string) => (event: MouseEvent) => {
    event.stopPropagation();
    void act(job, what);
  };
  if (job.state === "queued") {
    return (
      <>
        <button aria-label={`${job.title} earlier`} onClick={press("up")}>
          ↑
        </button>
        <button aria-label={`${job.title} later`} onClick={press("down")}>
          ↓
        </button>
        <button onClick={press("stop")}>Stop</button>
      </>
    );
  }
  if (job.state === "running") return <button onClick={press("stop")}>{job.cancelled ? "Kill" : "Stop"}</button>;
  return (
    <>
      {job.state !== "done" && <button onClick={press("again")}>Run again</button>}
      <button class="quiet" aria-label={`Forget ${job.title}`} title="Forget; what it made stays" onClick={press("remove")}>
        ✕
      </button>
    </>
  );
}

function Details({ job }: { job: Job }) {
  const [log, setLog] = useState("");
  useEffect(() => {
    setLog("");
    let current = true;
    const load = () => get<string>(`/api/jobs/${job.id}/log`).then(text => current && setLog(text), () => {});
    void load();
    const timer = job.state === "running" ? setInterval(load, 2000) : 0;
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [job.id, job.state]);
  const found = library.value!;
  const result = found.results.find(one => one.id === job.output);
  const set = found.facesets.find(one => one.id === job.output);
  const model = found.models.find(one => one.id === job.output);
  return (
    <>
      <Panel title={job.title}>
        <Facts
          rows={[
            ["State", <b class={TONES[job.state]}>{job.state}</b>],
            ["Why", job.message],
            ["Asked for", clock(job.created)],
            ["Began", job.started && clock(job.started)],
            ["Ended", job.ended && clock(job.ended)],
          ]}
        />
        <div class="row">
          {result && <a class="button main" href={`#results/${result.id}`}>See it</a>}
          {set && <a class="button main" href={`#faces/${set.id}`}>See the faces</a>}
          {model && <a class="button main" href={`#train/${model.id}`}>See the training</a>}
        </div>
      </Panel>
      <Panel title="Command" tools={<button onClick={() => copy(job.command)}>Copy</button>}>
        <pre class="command">{job.command}</pre>
        <small class="dim">in {found.path}</small>
      </Panel>
      <Panel title="Log">
        <pre class="log" tabIndex={0} aria-label="Log">
          {log || "nothing said yet"}
        </pre>
      </Panel>
    </>
  );
}
