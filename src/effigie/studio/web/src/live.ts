// The socket: events come in and frames, wishes go out. The newest wish wins, and one is on its way at a time.
import { get } from "./api";
import { plain } from "./format";
import { t } from "./language";
import { readMessage } from "./messages";
import { connection, jobs, library, notify, page, people, running, toldInPlace, waiting } from "./state";
import type { Job, Library, People } from "./types";

export interface Shown { n: number; time: number; ms: number; pictures: ImageBitmap[] }
type Wish = { n: number; width: number; clips: string[] };

export async function reload(): Promise<void> {
  try {
    [library.value, people.value] = await Promise.all([get<Library>("/api/library"), get<People>("/api/people")]);
  } catch {
    connection.value = "lost";
  }
}

class Live {
  private socket: WebSocket | null = null;
  private seq = 0;
  private next: Wish | null = null;
  private busy = false;
  private shows: (shown: Shown) => void = () => {};
  private fails: (reason: string) => void = () => {};

  open(): void {
    const socket = (this.socket = new WebSocket(`ws://${location.host}/api/live`));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      connection.value = "open";
      this.busy = false;
      void reload();
      this.flush();
    };
    socket.onmessage = event => (typeof event.data === "string" ? this.hear(JSON.parse(event.data)) : void this.show(event.data));
    socket.onclose = () => {
      connection.value = "lost";
      setTimeout(() => this.open(), 700);
    };
  }

  // Whoever shows frames now.
  attach(shows: (shown: Shown) => void, fails: (reason: string) => void): void {
    this.shows = shows;
    this.fails = fails;
  }

  wish(wish: Wish): void {
    this.next = wish;
    this.flush();
  }

  private flush(): void {
    if (this.busy || !this.next || this.socket?.readyState !== WebSocket.OPEN) return;
    this.busy = true;
    this.socket.send(JSON.stringify({ seq: ++this.seq, ...this.next }));
    this.next = null;
  }

  private done(): void {
    this.busy = false;
    this.flush();
  }

  private async show(data: ArrayBuffer): Promise<void> {
    const { head, pictures } = readMessage(data);
    this.shows({ n: head.n, time: head.time, ms: head.ms, pictures: await pictures() });
    this.done();
  }

  // A job that fails says so on every page but Jobs: whoever asked for it may be waiting for what comes of it.
  private note(told: Job[]): void {
    const active = new Set([...running.value, ...waiting.value].map(job => job.id));
    const failed = told.filter(job => job.state === "failed" && active.has(job.id) && !toldInPlace.has(job.id) && page.value !== "jobs");
    failed.forEach(job => notify(t("{title} failed: {why}", { title: job.title, why: plain(job.message) }), true, `jobs/${job.id}`));
    jobs.value = told;
  }

  private hear(event: { kind: string; value: any }): void {
    if (event.kind === "jobs") this.note(event.value as Job[]);
    else if (event.kind === "library") void reload();
    else if (event.kind === "no-frame" || event.kind === "refused") {
      this.fails(event.value.error);
      this.done();
    }
  }
}

export const live = new Live();
