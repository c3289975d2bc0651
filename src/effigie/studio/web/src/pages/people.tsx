// People and consent: who allows what until when; records made, requested, taken in and revoked.
import { useState } from "preact/hooks";
import { startJob } from "../api";
import { ConsentDialog } from "../consent-dialog";
import { Danger, Facts, FileButton, Next, Panel, Text, copy } from "../controls";
import { day } from "../format";
import { Grant } from "../grant/grant";
import { list, t, told } from "../language";
import { focus, go, people } from "../state";
import { STRENGTHS } from "../strengths";
import type { ConsentRecord } from "../types";
import { takeFiles } from "../uploads";

const STATES: Record<string, string> = { valid: "good", revoked: "bad", expired: "warn", "not yet valid": "warn" };

export function PeoplePage() {
  const [making, make] = useState(false);
  const { records, requests } = people.value;
  if (focus.value.startsWith("grant.")) return <Grant key={focus.value} asked={focus.value.slice(6)} />;
  const chosen = records.find(record => record.id === focus.value) ?? records[0];
  return (
    <div class="split">
      <div class="body">
        <div class="bar">
          <button class="main" onClick={() => make(true)}>
            {t("New record or request")}
          </button>
          <FileButton label={t("Take in a record")} accept=".json" take={takeFiles} />
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
      {making && <ConsentDialog close={() => make(false)} />}
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
            [t("Rests on"), record.basis || t("nothing said")],
            [t("Evidence"), record.bare ? t("no evidence but their pictures: every output carries a visible notice") : record.evidence.join(" · ")],
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
