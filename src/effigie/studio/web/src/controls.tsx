// Small parts that every page is made of.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { number, t } from "./language";
import { go, notify } from "./state";

export function Panel(props: { title: string; children: ComponentChildren; tools?: ComponentChildren }) {
  return (
    <section class="panel" aria-label={props.title}>
      <h2>
        {props.title}
        <span class="space" />
        {props.tools}
      </h2>
      {props.children}
    </section>
  );
}

export function Field(props: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{props.label}</span>
      {props.children}
      {props.hint && <small>{props.hint}</small>}
    </label>
  );
}

// `first`: it has the focus when its dialog opens.
export function Text(props: { label: string; value: string; set: (value: string) => void; hint?: string; required?: boolean; first?: boolean }) {
  return (
    <Field label={props.label} hint={props.hint}>
      <input type="text" value={props.value} required={props.required} autofocus={props.first} maxLength={2000} onInput={e => props.set(e.currentTarget.value)} />
    </Field>
  );
}

export function Choice(props: { label: string; value: string; set: (value: string) => void; of: [string, string][]; hint?: string }) {
  return (
    <Field label={props.label} hint={props.hint}>
      <select value={props.value} onChange={e => props.set(e.currentTarget.value)}>
        {props.of.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

// A number with a slider beside it; a double click puts the first value back.
export function Slider(props: { label: string; value: number; set: (value: number) => void; low: number; high: number; step: number; unit: string; first: number }) {
  const changed = props.value !== props.first;
  const digits = Number.isInteger(props.value) ? 0 : props.step < 0.1 ? 2 : 1;
  return (
    <label class={changed ? "slider changed" : "slider"} onDblClick={() => props.set(props.first)}>
      <span>{props.label}</span>
      <input type="range" min={props.low} max={props.high} step={props.step} value={props.value} onInput={e => props.set(+e.currentTarget.value)} />
      <b>
        {number(props.value, digits)} {props.unit}
      </b>
    </label>
  );
}

export function Facts(props: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {props.rows
        .filter(([, value]) => value !== null && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

// The first frame of a clip; a sign where it cannot be read.
export function Poster({ id, look = "" }: { id: string; look?: string }) {
  const [lost, lose] = useState(false);
  useEffect(() => lose(false), [id]);
  return lost ? <i class={`unread ${look}`} aria-hidden="true" /> : <img class={look} src={`/api/clips/${id}/poster`} alt="" loading="lazy" onError={() => lose(true)} />;
}

// A button that opens the chooser of files. The same file may be chosen twice: it may have been mended since.
export function FileButton(props: { label: string; take: (files: File[]) => void; accept?: string; many?: boolean; look?: string }) {
  const chosen = (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const files = [...(input.files ?? [])];
    input.value = "";
    if (files.length) props.take(files);
  };
  return (
    <label class={`button ${props.look ?? ""}`}>
      {props.label}
      <input type="file" multiple={props.many} accept={props.accept} class="hidden" onChange={chosen} />
    </label>
  );
}

// What is needed next, where nothing is there yet.
export function Next(props: { title: string; text: string; children?: ComponentChildren }) {
  return (
    <div class="next">
      <h1>{props.title}</h1>
      <p>{props.text}</p>
      <div class="row">{props.children}</div>
    </div>
  );
}

export function NoFootage() {
  return (
    <Next title={t("No footage yet")} text={t("Bring the clip that the face goes into.")}>
      <button class="main" onClick={() => go("clips")}>
        {t("To the clips")}
      </button>
    </Next>
  );
}

export function Dialog(props: { title: string; close: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  // Before the next key, which is the dialog's.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    ref.current!.showModal();
    return () => before?.isConnected && before.focus(); // it is taken out of the page, not closed: browsers give nothing back then
  }, []);
  return (
    <dialog ref={ref} aria-label={props.title} onClose={props.close} onClick={e => e.target === ref.current && props.close()}>
      <header>
        <h1>{props.title}</h1>
        <span class="space" />
        <button class="quiet" aria-label={t("Close")} onClick={props.close}>
          ✕
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("copied"));
  } catch {
    notify(t("this browser does not let pages copy: mark the text and copy it yourself"), true);
  }
}

// Asks twice: the first press says what will happen.
export function Danger(props: { label: string; sure: string; act: () => void; disabled?: boolean }) {
  const [armed, arm] = useState(false);
  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => arm(false), 4000);
    return () => clearTimeout(timer);
  }, [armed]);
  const press = () => {
    if (armed) props.act();
    arm(!armed);
  };
  return (
    <button class={armed ? "danger armed" : "danger"} disabled={props.disabled} onClick={press}>
      {armed ? props.sure : props.label}
    </button>
  );
}

// The address of what was recorded, as long as it is shown; "" before the first.
export function useAddress(recorded: Blob): string {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(recorded);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [recorded]);
  return address;
}
