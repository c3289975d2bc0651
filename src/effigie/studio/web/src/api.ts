// Requests to the studio's server. Every failure becomes one line, shown by whoever asked or as a notice.
import { t } from "./language";
import { go, notify } from "./state";

export class ServerError extends Error {}

async function read<T>(response: Response): Promise<T> {
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  const value = isJson ? await response.json() : await response.text();
  if (!response.ok) throw new ServerError(isJson ? value.error : t("the studio answered {status}", { status: response.status }));
  return value as T;
}

async function send<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ServerError(t("the studio does not answer: is it still running in the terminal?"));
  }
  return read<T>(response);
}

export const get = <T>(path: string) => send<T>(path);

export const post = <T>(path: string, value: unknown = {}) =>
  send<T>(path, { method: "POST", headers: { "X-Effigie": "1", "Content-Type": "application/json" }, body: JSON.stringify(value) });

// A file in one stream, with progress from 0 to 1.
export function put<T>(path: string, file: Blob, onProgress: (share: number) => void = () => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    request.setRequestHeader("X-Effigie", "1");
    request.upload.onprogress = event => onProgress(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ServerError(t("the connection broke off: send the file again")));
    request.onload = () => {
      const value = JSON.parse(request.responseText || "{}");
      request.status < 400 ? resolve(value) : reject(new ServerError(value.error ?? t("the studio answered {status}", { status: request.status })));
    };
    request.send(file);
  });
}

// Asks for a job; the key makes it one job, however often it is sent. Its id, or "" where it was refused.
export async function startJob(kind: string, fields: Record<string, unknown>): Promise<string> {
  try {
    const job = await post<{ id: string; command: string }>("/api/jobs", { key: crypto.randomUUID(), kind, fields });
    notify(t("queued: {command}", { command: job.command }));
    return job.id;
  } catch (error) {
    notify((error as Error).message, true);
    return "";
  }
}

export async function startAndWatch(kind: string, fields: Record<string, unknown>): Promise<void> {
  const id = await startJob(kind, fields);
  if (id) go("jobs", id);
}

export async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    notify((error as Error).message, true);
  }
}
