// The camera and what it records: one stream for mirror and recorder, ended when nobody looks.

export interface Camera { stream: MediaStream; sound: boolean; end: () => void }

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" };
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const BITS = 4_000_000;

export async function openCamera(sound: boolean): Promise<Camera> {
  if (!navigator.mediaDevices) throw new Error("this browser gives pages no camera: film with another one, and drop the clip");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: VIDEO, audio: sound });
    return { stream, sound, end: () => stream.getTracks().forEach(track => track.stop()) };
  } catch (error) {
    throw new Error(explain((error as DOMException).name, sound));
  }
}

function explain(name: string, sound: boolean): string {
  const device = sound ? "camera and microphone" : "the camera";
  if (name === "NotAllowedError") return `the browser was not allowed to use ${device}: allow it beside the address, and try again`;
  if (name === "NotFoundError") return `no ${sound ? "camera, or no microphone," : "camera"} is connected`;
  if (name === "NotReadableError") return `another program holds ${device}: close it, and try again`;
  return `${device} cannot be used (${name})`;
}

// Records until it is told to stop; what comes back is the whole clip.
export function record(camera: Camera): () => Promise<Blob> {
  const kind = KINDS.find(one => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(camera.stream, { mimeType: kind, videoBitsPerSecond: BITS });
  const pieces: Blob[] = [];
  recorder.ondataavailable = event => event.data.size && pieces.push(event.data);
  recorder.start(1000);
  return () =>
    new Promise(resolve => {
      // Without the codecs: browsers send no type at all where a comma stands in it.
      recorder.onstop = () => resolve(new Blob(pieces, { type: recorder.mimeType.split(";")[0] }));
      recorder.stop();
    });
}
