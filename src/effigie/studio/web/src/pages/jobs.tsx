// Jobs: the commands, in their order; stopped, run again, copied; and what they said.
import { useEffect, useState } from "preact/hooks";
import { attempt, get, post } from "../api";
import { Facts, Next, Panel, copy } from "../controls";
import { asksConsent, clock, duration, plain } from "../format";
import { useKeys } from "../keys";
import { number, t, told } from "../language";
import { focus, go, jobs, library } from "../state";
import type { Job } from "../types";

const TONES = { running: "good", queued: "dim", done: "good", failed: "bad", stopped: "warn" };

const figure = (value: number) => number(value, Number.isInteger(value) ? 0 : 1);
const act = (job: Job, what: string) => attempt(() => post(`/api/jobs/${job.id}/${what}`));

export function Jobs() {
  const all = jobs.value;
  const chosen = all.find(job => job.id === focus.value) ?? all[0];
  const at = chosen ? all.indexOf(chosen) : 0;
  const show = (index: number) => all[index] && go("jobs", all[index].id);
  useKeys({ ArrowDown: () => show(at + 1), ArrowUp: () => show(at - 1) });
  if (!chosen) return <Next title={t("No jobs yet")} text={t("What takes long runs here, one after the other. Jobs go on when this window or the studio is closed.")} />;
  return (
    <div class="split">
      <div class="body">
        <table class="list queue">
          <thead>
            <tr>
              <th>{t("Job")}</th>
              <th>{t("State")}</th>
              <th>{t("Progress")}</th>
              <th>{t("Rate")}</th>
              <th>{t("Left")}</th>
              <th>
                <span class="sr">{t("Order and end")}</span>
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
                  <b class={TONES[job.state]}>{job.cancelled && job.state === "running" ? t("stopping") : told(job.state)}</b>
                </td>
                <td>
                  <Bar job={job} />
                </td>
                <td class="mono">{job.progress?.rate ? `${number(job.progress.rate, 1)} ${told(job.progress.unit ?? "")}/s` : ""}</td>
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
  if (job.state !== "running") return <span class="dim brief" title={plain(job.message)}>{job.state === "done" && job.started && job.ended ? t("took {time}", { time: duration(job.ended - job.started) }) : plain(job.message)}</span>;
  const { stage, done, total, unit } = job.progress ?? {};
  return (
    <span class="progress">
      <progress value={total ? (done ?? 0) / total : undefined} max={1} aria-label={t("Progress of {title}", { title: job.title })} />
      <small>
        {stage ? told(stage) : t("starting")} {done !== null && done !== undefined ? `${figure(done)}${total ? `/${figure(total)}` : ""} ${told(unit ?? "")}` : ""}
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
        <button aria-label={t("{title} earlier", { title: job.title })} onClick={press("up")}>
          ↑
        </button>
        <button aria-label={t("{title} later", { title: job.title })} onClick={press("down")}>
          ↓
        </button>
        <button onClick={press("stop")}>{t("Stop")}</button>
      </>
    );
  }
  if (job.state === "running") return <button onClick={press("stop")}>{job.cancelled ? t("Kill") : t("Stop")}</button>;
  return (
    <>
      {job.state !== "done" && <button onClick={press("again")}>{t("Run again")}</button>}
      <button class="quiet" aria-label={t("Forget {title}", { title: job.title })} title={t("Forget; what it made stays")} onClick={press("remove")}>
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
            [t("State"), <b class={TONES[job.state]}>{told(job.state)}</b>],
            [t("Why"), plain(job.message)],
            [t("Asked for"), clock(job.created)],
            [t("Began"), job.started && clock(job.started)],
            [t("Ended"), job.ended && clock(job.ended)],
          ]}
        />
        <div class="row">
          {asksConsent(job.message) && <a class="button main" href="#people">{t("Get their consent")}</a>}
          {result && <a class="button main" href={`#results/${result.id}`}>{t("See it")}</a>}
          {set && <a class="button main" href={`#faces/${set.id}`}>{t("See the faces")}</a>}
          {model && <a class="button main" href={`#train/${model.id}`}>{t("See the training")}</a>}
        </div>
      </Panel>
      <Panel title={t("Command")} tools={<button onClick={() => copy(job.command)}>{t("Copy")}</button>}>
        <pre class="command">{job.command}</pre>
        <small class="dim">{t("in {folder}", { folder: found.path })}</small>
      </Panel>
      <Panel title={t("Log")}>
        <pre class="log" tabIndex={0} aria-label={t("Log")}>
          {log || t("nothing said yet")}
        </pre>
      </Panel>
    </>
  );
}
