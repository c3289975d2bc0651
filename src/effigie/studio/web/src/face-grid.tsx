// The grid of faces: only the rows in view are in the page, so that ten thousand scroll like ten.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "./keys";
import { count, list, t, told } from "./language";
import type { FaceColumns } from "./types";

const CELL = 92; // px
const HEAD = 30; // px, of a person's heading
const SPARE = 3; // rows beyond the view
const SETTLE_MS = 60;

interface Line { top: number; height: number; person?: number; faces?: number; first?: number; last?: number }

// Lines of the grid: headings, and rows of faces as ranges of what is shown.
export function layOut(person: number[], across: number): Line[] {
  const lines: Line[] = [];
  let top = 0;
  for (let first = 0; first < person.length; ) {
    let end = first;
    while (end < person.length && person[end] === person[first]) end++;
    lines.push({ top, height: HEAD, person: person[first], faces: end - first });
    top += HEAD;
    for (let row = first; row < end; row += across) {
      lines.push({ top, height: CELL, first: row, last: Math.min(end, row + across) });
      top += CELL;
    }
    first = end;
  }
  return lines;
}

// A face is asked for when it stays in view, and no longer when it leaves: a quick scroll asks for what it ends at.
function Crop({ address }: { address: string }) {
  const ref = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const image = ref.current!;
    const timer = setTimeout(() => (image.src = address), SETTLE_MS);
    return () => {
      clearTimeout(timer);
      if (!image.complete) image.removeAttribute("src");
    };
  }, [address]);
  return <img ref={ref} alt="" width={CELL - 6} height={CELL - 6} />;
}

export function FaceGrid(props: {
  set: string; faces: FaceColumns; shown: number[]; kinds: Map<number, string[]>; marked: Set<number>; selected: Set<number>; select: (rows: Set<number>) => void; at: number; setAt: (row: number) => void;
}) {
  const { faces, shown, at } = props; // shown: rows, in order
  const place = Math.max(0, shown.indexOf(at));
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600, width: 900 });
  const across = Math.max(1, Math.floor((view.width - 16) / CELL));
  const lines = useMemo(() => layOut(shown.map(row => faces.person[row]!), across), [faces, shown, across]);
  const total = lines.length ? lines.at(-1)!.top + lines.at(-1)!.height : 0;

  useLayoutEffect(() => {
    const look = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight, width: box.current.clientWidth });
    const watch = new ResizeObserver(look);
    watch.observe(box.current!);
    box.current!.addEventListener("scroll", look, { passive: true });
    look();
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    const line = lines.find(one => one.first !== undefined && one.first <= place && place < one.last!);
    if (!line || !box.current) return;
    const { scrollTop, clientHeight } = box.current;
    if (line.top < scrollTop) box.current.scrollTop = line.top - HEAD;
    else if (line.top + CELL > scrollTop + clientHeight) box.current.scrollTop = line.top + CELL - clientHeight;
  }, [place, lines]);

  const move = (by: number) => (event: KeyboardEvent) => {
    const next = shown[Math.max(0, Math.min(shown.length - 1, place + by))]!;
    if (event.shiftKey) props.select(new Set([...props.selected, at, next]));
    props.setAt(next);
  };
  const toggle = (row: number) => {
    const rows = new Set(props.selected);
    if (!rows.delete(row)) rows.add(row);
    props.select(rows);
  };
  useKeys({ ArrowRight: move(1), ArrowLeft: move(-1), ArrowDown: move(across), ArrowUp: move(-across), " ": () => toggle(at), Home: move(-1e9), End: move(1e9) });

  const press = (row: number) => (event: MouseEvent) => {
    if (event.shiftKey) {
      const ends = [shown.indexOf(row), place];
      props.select(new Set([...props.selected, ...shown.slice(Math.min(...ends), Math.max(...ends) + 1)]));
    } else if (event.ctrlKey || event.metaKey) toggle(row);
    else props.select(new Set());
    props.setAt(row);
  };
  const seen = lines.filter(line => line.top + line.height > view.top - SPARE * CELL && line.top < view.top + view.height + SPARE * CELL);
  return (
    <div class="grid" ref={box} role="listbox" aria-label={t("Faces")} aria-multiselectable="true" tabIndex={0} aria-activedescendant={`face-${at}`}>
      <div class="tall" role="presentation" style={{ height: `${total}px` }}>
        {seen.map(line =>
          line.first === undefined ? (
            <div key={`p${line.top}`} class="person" role="presentation" style={{ top: `${line.top}px` }}>
              {line.person! < 0 ? t("Unknown") : t("Person {n}", { n: line.person! + 1 })} <small>{count(line.faces!, "{n} face", "{n} faces")}</small>
            </div>
          ) : (
            Array.from({ length: line.last! - line.first }, (_, i) => {
              const row = shown[line.first! + i]!;
              const found = (props.kinds.get(row) ?? []).map(told);
              const kind = [row === at && "at", props.selected.has(row) && "selected", props.marked.has(row) && "dropped"].filter(Boolean).join(" ");
              return (
                <div
                  key={row}
                  id={`face-${row}`}
                  role="option"
                  aria-selected={props.selected.has(row)}
                  aria-label={t(props.marked.has(row) ? "Face {n}, frame {frame}, marked to drop" : "Face {n}, frame {frame}", { n: row + 1, frame: faces.frame[row]! }) + (found.length ? `: ${list(found)}` : "")}
                  class={`cell ${kind}`}
                  style={{ top: `${line.top}px`, left: `${8 + i * CELL}px` }}
                  onClick={press(row)}
                >
                  <Crop address={`/api/faces/${props.set}/${faces.revision}/${row}`} />
                  {found.length > 0 && <small aria-hidden="true">{found.join(", ")}</small>}
                </div>
              );
            })
          ),
        )}
      </div>
    </div>
  );
}
