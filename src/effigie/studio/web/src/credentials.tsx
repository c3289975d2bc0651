// Everything that verify finds in a file, read out: who signed what, from what, with whose consent, and the marks.
import type { ComponentChildren } from "preact";
import { Dialog, Facts, Panel, copy } from "./controls";
import { clock, day } from "./format";
import { type Message, list, number, t, told } from "./language";
import { STRENGTHS } from "./strengths";
import type { Credentials, Ingredient, Mark, Verification } from "./types";

const STATES: Record<string, [string, Message]> = {
  trusted: ["good", "whole; the signer is on a trust list of this machine"],
  valid: ["good", "whole; no trust list of this machine knows the signer: it shows that nothing was changed, not who signed"],
  broken: ["bad", "broken: nothing that they say can be relied on"],
  absent: ["dim", "there are none"],
};
const ACTIONS: Record<string, Message> = { "c2pa.opened": "opened", "c2pa.edited": "edited", "c2pa.created": "created", "c2pa.placed": "placed into it" };
const SOURCES: Record<string, Message> = {
  trainedAlgorithmicMedia: "made by a trained model",
  compositeWithTrainedAlgorithmicMedia: "footage with parts made by a trained model",
  digitalCapture: "taken by a camera",
};
const RELATIONSHIPS: Record<string, Message> = { parentOf: "was edited", componentOf: "was put in", inputTo: "was read" };
const CONSENTS: Record<string, [string, Message]> = {
  valid: ["good", "valid today"],
  revoked: ["bad", "revoked: it should not be shown any more"],
  expired: ["bad", "expired"],
  unknown: ["warn", "unknown: the record is not on this machine"],
  "not yet valid": ["warn", "not yet valid"],
};
const MATCHES: Record<string, Message> = { file: "the same file, byte for byte", id: "its id", pictures: "looks the same", sound: "sounds the same" };

const words = (of: Record<string, Message>, key: string) => (of[key] ? t(of[key]!) : key);
const strength = (name: string | null | undefined) => (name ? words(STRENGTHS, name) : t("not said"));
const hash = (text: string | null) => text && <span class="mono">{text}</span>;
const several = (parts: string[]) => (parts.length ? list(parts) : "");

function Standing({ of, state }: { of: Record<string, [string, Message]>; state: string }) {
  const [tone, text] = of[state] ?? ["warn", null];
  return <span class={tone}>{text ? t(text) : state}</span>;
}

export const hasCredentials = (found: Verification) => found.credentials.state !== "absent" || !!(found.watermark || found.sound_watermark || found.ledger);

export function FullCredentials({ name, found, close }: { name: string; found: Verification; close: () => void }) {
  const { credentials, consent, ledger } = found;
  return (
    <Dialog title={name} close={close}>
      <div class="credentials">
        <Panel title={t("Content credentials")}>
          <Signature credentials={credentials} />
        </Panel>
        {consent && (
          <Panel title={t("Consents")}>
            {consent.records.map(one => (
              <Facts
                key={one.id}
                rows={[
                  [t("Person"), one.subject ?? ""],
                  [t("State"), <Standing of={CONSENTS} state={one.state} />],
                  [t("Strength"), strength(one.strength)],
                  [t("Until"), one.subject === null ? "" : day(one.until)],
                  [t("Consent record"), hash(one.id)],
                ]}
              />
            ))}
          </Panel>
        )}
        {credentials.ingredients.length > 0 && (
          <Panel title={t("Made from")}>
            {credentials.ingredients.map((one, index) => (
              <Made key={index} part={one} />
            ))}
          </Panel>
        )}
        <Panel title={t("Marks")}>
          <Facts
            rows={[
              [t("In the picture"), describeMark(found.watermark)],
              [t("In the sound"), describeMark(found.sound_watermark)],
              [t("By its credentials"), hash(credentials.mark)],
            ]}
          />
          {!found.watermark && !found.sound_watermark && <p class="dim">{t("no invisible mark found")}</p>}
        </Panel>
        <Panel title={t("Ledger of this machine")}>
          {ledger ? (
            <Facts
              rows={[
                [t("File"), ledger.name],
                [t("Made"), `${clock(Date.parse(ledger.time) / 1000)}, effigie ${ledger.command}`],
                [t("Known by"), several(ledger.matched.map(one => words(MATCHES, one)))],
                [t("Output"), hash(ledger.output_id)],
                [t("Model"), hash(ledger.model_hash)],
                [t("SHA-256 as made"), hash(ledger.file_sha256)],
              ]}
            />
          ) : (
            <p class="dim">{t("no such output")}</p>
          )}
        </Panel>
      </div>
      <div class="row end">
        <button onClick={() => copy(JSON.stringify({ ...found, lines: undefined }, null, 2))}>{t("Copy as JSON")}</button>
      </div>
    </Dialog>
  );
}

function Signature({ credentials }: { credentials: Credentials }) {
  const rows: [string, ComponentChildren][] = [[t("State"), <Standing of={STATES} state={credentials.state} />]];
  if (credentials.state !== "absent") {
    rows.push(
      [t("Signed by"), credentials.issuer ?? t("somebody who is not named")],
      [t("Signed at"), credentials.signed_at ? clock(Date.parse(credentials.signed_at) / 1000) : t("no time stamp that can be trusted")],
      [t("Program"), credentials.generator],
      [t("Command"), credentials.command && hash(`effigie ${credentials.command}`)],
      [t("What it is"), several(credentials.source_types.map(one => words(SOURCES, one)))],
      [t("What was done"), several(credentials.actions.map(one => words(ACTIONS, one)))],
      [t("Output"), hash(credentials.output_id)],
      [t("Model"), hash(credentials.model_hash)],
      [t("Consents"), several(credentials.consents.map((one, index) => [one, told(credentials.consent_strengths[index] ?? "")].filter(Boolean).join(", ")))],
    );
  }
  return (
    <>
      <Facts rows={rows} />
      <Problems of={credentials.problems} />
    </>
  );
}

function Made({ part }: { part: Ingredient }) {
  return (
    <>
      <Facts
        rows={[
          [t("File"), part.title],
          [t("What was done"), words(RELATIONSHIPS, part.relationship)],
          [t("Its credentials"), <Standing of={STATES} state={part.state} />],
          [t("Signed by"), part.issuer],
          [t("Program"), part.generator],
          [t("Output"), hash(part.output_id)],
        ]}
      />
      <Problems of={part.problems} />
    </>
  );
}

function Problems({ of }: { of: string[] }) {
  return of.length ? (
    <ul class="warn">
      {of.map(line => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  ) : null;
}

function describeMark(mark: Mark | null): ComponentChildren {
  if (!mark) return "";
  return (
    <>
      {hash(mark.id)} · {t("confidence {n} %", { n: number(100 * mark.confidence) })}
      {mark.edits.length > 0 && ` · ${several(mark.edits)}`}
    </>
  );
}
